-- breaking: readers must know the log
create table audit (entry text not null);
grant select, insert on audit to chikai_app;
