/**
 * What the keeper of the PostgreSQL server runs once, as a superuser: roles, database, and who may come in. The passwords
 * are SCRAM verifiers (RFC 5802 §3), so that a log of the server keeps nothing with which anybody could log in.
 *
 * @param database `[a-z][a-z0-9_]*`
 */
export function databaseScript(
  database: string,
  verifiers: { readonly owner: string; readonly app: string },
): string {
  return `-- Run once as a superuser: psql -f database.sql
-- Roles without a log-in, to which migrations grant; one cluster has them once.
do $$ begin create role chikai_app nologin; exception when duplicate_object then null; end $$;
do $$ begin create role chikai_auditor nologin; exception when duplicate_object then null; end $$;
do $$ begin create role chikai_eraser nologin; exception when duplicate_object then null; end $$;
-- The owner migrates; the application cannot delete.
create role ${database}_owner login password '${verifiers.owner}';
create role ${database}_app login password '${verifiers.app}' in role chikai_app;
create database ${database} owner ${database}_owner;
revoke all on database ${database} from public;
grant connect on database ${database} to ${database}_app;
alter database ${database} set timezone to 'Asia/Tokyo';
`;
}
