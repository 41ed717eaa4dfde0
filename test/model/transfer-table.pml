/* Prints every decision of `decide`: inputs, then outputs, one line each, in the order of test/model/decision-table.ts. */
hidden byte hasEpoch, hasTid, hasTerms, contexts, context, bodies, body;

active proctype table() {
  d_step {
    for (Ev : REQUEST .. SHOWS_RELEASED) {
      /* Contexts: generation and sender matter to what comes from outside; so does the body, to some. */
      contexts = (Ev <= QUERY || Ev >= SHOWS_CANCELLED -> 4 : 1);
      bodies = (Ev <= OFFER -> 4 : (Ev <= ACTIVATED -> 2 : 1));
      for (context : 0 .. contexts - 1) {
        for (body : 0 .. bodies - 1) {
          for (Ts : NONE .. D_CANCELLED) {
            hasTerms = (Ts == NONE || Ts == S_CANCELLED || Ts == D_REQUESTED || Ts == D_REJECTED || Ts == D_CANCELLED -> 0 : 1);
            for (Cs : ABSENT .. DISSOLVED) {
              hasEpoch = (Cs == ABSENT -> 0 : 1);
              hasTid = (Cs == OFFERED || Cs == RELEASED || Cs == RECEIVED || Cs == CLOSED -> 1 : 0);
              for (Ce : hasEpoch .. hasEpoch * 3) {
                for (Cm : 0 .. hasTid) {
                  for (Quarantined : 0 .. 1) {
                    Te = hasTerms * 2;
                    Ee = 2;
                    Current = (context & 1 -> 0 : 1);
                    FromPeer = (context & 2 -> 0 : 1);
                    Expected = (body & 1 -> 0 : 1);
                    Good = (body & 2 -> 0 : 1);
                    decide();
                    if
                    :: Lock == 2 -> Lock = (hasTid -> Cm : 0)
                    :: else
                    fi;
                    printf("%d %d %d %d %d %d %d %d > %d %d %d %d %d %d %d %d\n", Ev, context, body, Ts, Cs, Ce, Cm,
                      Quarantined, Why, Cs2, Ce2, Lock, Ts2, Te2, Msg, Fx)
                  }
                }
              }
            }
          }
        }
      }
    }
  }
}
