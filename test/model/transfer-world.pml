/*
 * The authorities, the people, the wires and the healing around `decide` (transfer.pml). One registration; authority 0 is
 * where the oath was sworn. `#if R` parts are about restores: generations, backups, quarantine.
 */

/* Custody by authority; whose[n] is the transfer + 1 that brought it there. */
byte state[N], epoch[N], whose[N];
/* Records: 2t at the origin of transfer t, 2t + 1 at its destination; terms as the number of the offer they come from. */
byte rec[2 * T], terms[2 * T];
/* Ends of each transfer, authority + 1; 0 before it is wanted. */
byte origin[T], dest[T];
/* The staged record can be read: STAGE_PAYLOAD, DESTROY_STAGED_KEY. */
bit key[T];
/* Epoch of an offer: with the transfer it stands for all that its digest covers. */
byte offers[T * V];
/* Every message ever sent: by transfer, offer and sender's generation, a bit per step. */
byte soup[T * V * G];
bit over;

#if R > 0
byte gen[N], seen[N * N];       /* own generation; highest one seen of each peer */
bit away[N];                    /* in quarantine */
bit owed[N * N];                /* owed[n, m]: n waits for the answer of m */
byte answer[N * N * T], answered[N * N];  /* what m shows n of a transfer; 1 + m's generation when it did */
byte restores;
/* One backup at a time, of any moment: what is done after it is lost when it comes back. */
byte saved, saved_state, saved_epoch, saved_whose, saved_rec[2 * T], saved_terms[2 * T], saved_seen[N];
bit saved_key[T];
#define GEN(a) gen[a]
#define SEEN(a, b) seen[(a) * N + (b)]
#define AWAY(a) away[a]
#else
#define GEN(a) 0
#define SEEN(a, b) 0
#define AWAY(a) 0
#endif

#define HOLDS(x) (x == ACTIVE || x == OFFERED || x == RECEIVED)
#define VOUCHES(x) (x == ACTIVE || x == OFFERED || x == RELEASED)
#define ACCEPTED(x) (x == D_STAGED || x == D_WITHDRAWING || x == D_RECEIVED || x == D_ACTIVATED)
#define OPEN(x) (x == S_OFFERED || x == S_RELEASED || x == D_REQUESTED || x == D_STAGED || x == D_WITHDRAWING || x == D_RECEIVED)
#define BIT(step) (1 << (step - 1))
#define SOUP(a, b, c) soup[((a) * V + (b)) * G + (c)]

/* Registers of one step: transfer, side, authority, peer, offer and generation that a message carries. */
hidden byte tt, side, self, peer, offer, sent, drop;
hidden byte a, b, holders, vouchers, ended, highest, rests, missing, restored;
hidden short item, round;
hidden byte parcel, from_whom, shown;
hidden byte was;

/* breachesOfRegistration: test/transfer/protocol-invariants.ts */
inline check_registration() {
  holders = 0; vouchers = 0; ended = 0; missing = 0; restored = 0; highest = 0;
  for (a : 0 .. N - 1) {
    if
    :: AWAY(a) -> missing = 1
    :: else ->
      if :: HOLDS(state[a]) -> holders++ :: else fi;
      if :: VOUCHES(state[a]) -> vouchers++ :: else fi;
      if :: state[a] == DISSOLVED -> ended = 1 :: else fi
    fi;
    if :: GEN(a) > 0 -> restored = 1 :: else fi
  }
  assert(!(holders > 1 && I1));
  assert(!(ended && holders > 0 && I6));
  if
  :: holders == 1 && !ended ->
    for (a : 0 .. N - 1) {
      if
      :: !AWAY(a) && HOLDS(state[a]) ->
        for (b : 0 .. N - 1) {
          assert(!(b != a && !AWAY(b) && state[b] != ABSENT && epoch[b] >= epoch[a] && I3))
        }
      :: else
      fi
    }
  :: else
  fi;
  assert(!(!missing && !ended && vouchers == 0 && !(restored && holders > 0) && I2))
}

/* breachesOfTransfer: test/transfer/protocol-invariants.ts */
inline check_transfers() {
  for (a : 0 .. T - 1) {
    if
    :: dest[a] == 0
    :: dest[a] != 0 && !AWAY(dest[a] - 1) ->
      assert(!(key[a] && rec[2 * a + 1] != D_STAGED && rec[2 * a + 1] != D_WITHDRAWING && L2))
    :: else
    fi;
    if
    :: dest[a] == 0
    :: dest[a] != 0 && !AWAY(dest[a] - 1) && !AWAY(origin[a] - 1) ->
      if
      :: rec[2 * a] == S_RELEASED || rec[2 * a] == S_CLOSED ->
        assert(!((rec[2 * a + 1] == D_CANCELLED || rec[2 * a + 1] == D_REJECTED) && I7));
        assert(!((!ACCEPTED(rec[2 * a + 1]) || terms[2 * a] != terms[2 * a + 1]) && I4))
      :: else
      fi;
      if
      :: rec[2 * a + 1] == D_RECEIVED || rec[2 * a + 1] == D_ACTIVATED ->
        assert(!(rec[2 * a] == S_CANCELLED && I7));
        assert(!(((rec[2 * a] != S_RELEASED && rec[2 * a] != S_CLOSED) || terms[2 * a] != terms[2 * a + 1]) && I5))
      :: else
      fi
    :: else
    fi
  }
}

/* findUnfinished: test/transfer/protocol-invariants.ts */
inline check_rest() {
  holders = 0; ended = 0;
  for (a : 0 .. N - 1) {
    assert(!(AWAY(a) && L1));
    assert(!((state[a] == OFFERED || state[a] == RELEASED || state[a] == RECEIVED) && L1));
    if :: state[a] == ACTIVE -> holders++ :: else fi;
    if :: state[a] == DISSOLVED -> ended = 1 :: else fi
  }
  assert(!((ended -> holders != 0 : holders != 1) && L1));
  for (a : 0 .. T - 1) {
    assert(!((OPEN(rec[2 * a]) || OPEN(rec[2 * a + 1])) && L1));
    assert(!(key[a] && L2))
  }
}

/* The edge: applyEvent of src/transfer/apply-event.ts, for event Ev of transfer tt at `side`. */
inline transact() {
  self = (side == 0 -> origin[tt] : dest[tt]) - 1;
  peer = (side == 0 -> dest[tt] : origin[tt]) - 1;
  Cs = state[self]; Ce = epoch[self]; Cm = (whose[self] == tt + 1);
  Ts = rec[2 * tt + side];
  Te = offers[tt * V + terms[2 * tt + side]]; Ee = offers[tt * V + offer];
  Quarantined = AWAY(self);
  /* A QUERY is new each time; an impostor signs as what it is. */
  if :: Ev == QUERY || !FromPeer -> sent = GEN(peer) :: else fi;
  Current = (Ev > QUERY && Ev < SHOWS_CANCELLED) || (sent >= SEEN(self, peer));
  Expected = (Ev == REQUEST) || Ts == D_REQUESTED || (offer == terms[2 * tt + side]);
  was = Cs;
  decide();
  if
  :: Msg && FAULT == 6 && drop -> SOUP(tt, (Msg == OFFER || Msg == RELEASE || Msg == ACCEPT || Msg == ACTIVATED -> (Ts2 == D_STAGED -> offer : terms[2 * tt + side]) : 0), GEN(self)) =
      SOUP(tt, (Msg == OFFER || Msg == RELEASE || Msg == ACCEPT || Msg == ACTIVATED -> (Ts2 == D_STAGED -> offer : terms[2 * tt + side]) : 0), GEN(self)) | BIT(Msg)
  :: else -> store()
  fi
}

/* storeCustody, storeTransfer, carryOut, queueMessages */
inline store() {
  if
  :: Why == APPLIED ->
    if
    :: Ev == REQUEST && Ts2 == S_OFFERED ->
      /* A new offer has a new salt, so its terms are others: the next free number. */
      offer = 0;
      do
      :: offers[tt * V + offer] != 0 && offer < V - 1 -> offer++
      :: else -> break
      od;
      offers[tt * V + offer] = Te2
    :: else
    fi;
    assert(!(was == DISSOLVED && Cs2 != DISSOLVED && !Quarantined && I6));
    assert(!(Cs != ABSENT && Ce2 < Ce && !Quarantined && I3));
    assert(!(Ts == S_CANCELLED && Ts2 == S_RELEASED && I7));
    assert(!(Ts == D_CANCELLED && Ts2 == D_RECEIVED && I7));
    /* The terms of a record are those it was offered, accepted or shown with. */
    if
    :: Te2 == 0 -> terms[2 * tt + side] = 0
    :: Te2 != 0 && (Ts2 == S_OFFERED || Ts2 == D_STAGED || Ev >= SHOWS_CANCELLED || FAULT == 1) &&
       !(Ts2 == D_STAGED && Ts != D_REQUESTED) -> terms[2 * tt + side] = offer
    :: else
    fi;
    state[self] = Cs2;
    epoch[self] = (Cs2 == ABSENT -> 0 : Ce2);
    if
    :: Lock == 0 -> whose[self] = 0
    :: Lock == 1 -> whose[self] = tt + 1
    :: else
    fi;
    rec[2 * tt + side] = Ts2;
    if :: Fx & STAGES -> key[tt] = 1 :: else fi;
    if :: Fx & (DESTROYS | ACTIVATES) -> key[tt] = 0 :: else fi
  :: else
  fi;
  if
  :: Msg == OFFER || Msg == ACCEPT || Msg == RELEASE || Msg == ACTIVATED ->
    SOUP(tt, terms[2 * tt + side], GEN(self)) = SOUP(tt, terms[2 * tt + side], GEN(self)) | BIT(Msg)
  :: Msg == REQUEST || Msg == CANCEL || Msg == REJECT ->
    SOUP(tt, 0, GEN(self)) = SOUP(tt, 0, GEN(self)) | BIT(Msg)
  :: else
  fi;
#if R > 0
  /* raisePeerGeneration: with the message that tells it */
  if
  :: (Ev <= QUERY || Ev >= SHOWS_CANCELLED) && Current && !Quarantined && FromPeer && sent > SEEN(self, peer) ->
    SEEN(self, peer) = sent
  :: else
  fi
#endif
}

#if R > 0
/* RECALL at member m, from n: evidenceOf (quarantine.ts), and the past of n is refused from now on. */
inline testify(n, m) {
  if
  :: GEN(n) > SEEN(m, n) -> SEEN(m, n) = GEN(n)
  :: else
  fi;
  for (a : 0 .. T - 1) {
    shown = 0;
    if
    :: origin[a] == m + 1 && dest[a] == n + 1 ->
      if
      :: rec[2 * a] == S_RELEASED || rec[2 * a] == S_CLOSED -> shown = SHOWS_RELEASED + 32 * terms[2 * a]
      :: else
      fi
    :: dest[a] == m + 1 && origin[a] == n + 1 ->
      if
      :: rec[2 * a + 1] == D_CANCELLED -> shown = SHOWS_CANCELLED
      :: rec[2 * a + 1] == D_RECEIVED -> shown = SHOWS_RECEIVED + 32 * terms[2 * a + 1]
      :: rec[2 * a + 1] == D_ACTIVATED -> shown = SHOWS_ACTIVATED + 32 * terms[2 * a + 1]
      :: else
      fi
    :: else
    fi;
    answer[(n * N + m) * T + a] = shown
  }
  answered[n * N + m] = 1 + GEN(m)
}

/* countAnswer: quarantine.ts. The last answer ends the quarantine. */
inline count_answer(n, m) {
  owed[n * N + m] = 0; answered[n * N + m] = 0; missing = 0;
  for (a : 0 .. T - 1) { answer[(n * N + m) * T + a] = 0 }
  for (a : 0 .. N - 1) { if :: owed[n * N + a] -> missing = 1 :: else fi }
#if FAULT == 18
  missing = 0;
  for (a : 0 .. N - 1) { owed[n * N + a] = 0 }
#endif
  if :: !missing -> away[n] = 0 :: else fi
}

inline back_up(n) {
  saved = n + 1; saved_state = state[n]; saved_epoch = epoch[n]; saved_whose = whose[n];
  for (a : 0 .. T - 1) {
    if :: origin[a] == n + 1 -> saved_rec[2 * a] = rec[2 * a]; saved_terms[2 * a] = terms[2 * a] :: else fi;
    if
    :: dest[a] == n + 1 ->
      saved_rec[2 * a + 1] = rec[2 * a + 1]; saved_terms[2 * a + 1] = terms[2 * a + 1]; saved_key[a] = key[a]
    :: else
    fi
  }
  for (a : 0 .. N - 1) { saved_seen[a] = SEEN(n, a) }
}

inline restore(n) {
  restores++;
  state[n] = saved_state; epoch[n] = saved_epoch; whose[n] = saved_whose;
  for (a : 0 .. T - 1) {
    if :: origin[a] == n + 1 -> rec[2 * a] = saved_rec[2 * a]; terms[2 * a] = saved_terms[2 * a] :: else fi;
    if
    :: dest[a] == n + 1 ->
      rec[2 * a + 1] = saved_rec[2 * a + 1]; terms[2 * a + 1] = saved_terms[2 * a + 1]; key[a] = saved_key[a]
    :: else
    fi;
    saved_rec[2 * a] = 0; saved_rec[2 * a + 1] = 0; saved_terms[2 * a] = 0; saved_terms[2 * a + 1] = 0; saved_key[a] = 0
  }
  for (a : 0 .. N - 1) { SEEN(n, a) = saved_seen[a]; saved_seen[a] = 0 }
  saved = 0; saved_state = 0; saved_epoch = 0; saved_whose = 0;
#if FAULT != 17
  gen[n] = gen[n] + 1; away[n] = 1;
  for (a : 0 .. N - 1) {
    /* An answer to an earlier quarantine counts for nothing. */
    owed[n * N + a] = (a != n); answered[n * N + a] = 0;
    for (b : 0 .. T - 1) { answer[(n * N + a) * T + b] = 0 }
  }
#endif
}
#endif

#define STEPS_OF_ROUND (T * V * G * 7 + T * 4 + N * N)
#define ROUNDS 12
#define PATIENCE 8

/*
 * One step of the world, or the whole healing. The loop runs `decide` once per step, for each part of an answer of a
 * member in quarantine, and in the healing for everything that waits, round by round, as the simulator's drain does.
 */
inline perform(healing) {
  d_step {
    tt = t; side = s; Ev = e; offer = v; sent = g; Good = o; drop = x; FromPeer = 1; item = 0; round = 0; parcel = (h == 6 -> 1 : 0);
    if :: e == CANCEL && x == 2 -> FromPeer = 0 :: else fi;
    do
    :: true ->
      /* What is next? */
      if
      :: parcel > 0 ->
#if R > 0
        if
        :: parcel <= T ->
          tt = parcel - 1; shown = answer[(self * N + from_whom) * T + tt];
          Ev = shown % 32; offer = shown / 32; parcel++;
          side = (origin[tt] == self + 1 -> 0 : 1)
        :: else ->
          if :: sent > SEEN(self, from_whom) -> SEEN(self, from_whom) = sent :: else fi;
          parcel = 0; Ev = 0;
          /* A witness restored since it has answered answers again: its word was of a past that is gone. */
          if
          :: sent >= SEEN(self, from_whom) -> count_answer(self, from_whom)
          :: else
          fi
        fi
#else
        skip
#endif
      :: parcel == 0 && healing && item == STEPS_OF_ROUND -> item = 0; round++; Ev = 0
      :: parcel == 0 && healing && item < STEPS_OF_ROUND ->
        Ev = 0; Good = 1; offer = 0; sent = 0;
        if
        :: item < T * V * G * 7 ->
          tt = item / (V * G * 7); offer = (item / (G * 7)) % V; sent = (item / 7) % G; b = item % 7 + 1;
          if
          :: dest[tt] != 0 && (SOUP(tt, offer, sent) & BIT(b)) ->
            Ev = b; side = (b == REQUEST || b == ACCEPT || b == ACTIVATED || b == REJECT -> 0 : 1)
          :: else
          fi
        :: item >= T * V * G * 7 && item < T * V * G * 7 + T * 4 ->
          tt = (item - T * V * G * 7) / 4; b = item % 4;
          b = (item - T * V * G * 7) % 4;
          if
          :: dest[tt] == 0
          :: dest[tt] != 0 && b < 2 -> side = b; Ev = (rec[2 * tt + b] == NONE -> 0 : RESEND_WANTED)
          :: dest[tt] != 0 && b == 2 -> side = 1; Ev = (rec[2 * tt + 1] == D_RECEIVED -> CERTIFICATES_ISSUED : 0)
          :: else ->
            /* Only where an authority forgot: else all must end by itself. */
            if
            :: R > 0 && round > PATIENCE ->
              side = (OPEN(rec[2 * tt]) -> 0 : 1); Ev = (side == 0 -> CANCEL_WANTED : WITHDRAWAL_WANTED);
              if :: !OPEN(rec[2 * tt + side]) -> Ev = 0 :: else fi
            :: else
            fi
          fi
        :: else ->
#if R > 0
          self = (item - T * V * G * 7 - T * 4) / N; from_whom = (item - T * V * G * 7 - T * 4) % N;
          if
          :: away[self] && owed[self * N + from_whom] ->
            testify(self, from_whom); sent = GEN(from_whom); parcel = 1
          :: else
          fi
#else
          skip
#endif
        fi;
        item++
      :: else
      fi;
      if
      :: Ev != 0 -> transact()
      :: else
      fi;
      if
      :: parcel > 0
      :: parcel == 0 && healing && round < ROUNDS
      :: else -> break
      fi;
      if :: !healing && parcel == 0 -> break :: else fi
    od;
    check_registration();
    check_transfers();
    if
    :: healing ->
      check_rest();
      /* All healed worlds are one state. */
      over = 1;
      for (a : 0 .. N - 1) { state[a] = 0; epoch[a] = 0; whose[a] = 0 }
      for (a : 0 .. 2 * T - 1) { rec[a] = 0; terms[a] = 0 }
      for (a : 0 .. T - 1) { origin[a] = 0; dest[a] = 0; key[a] = 0 }
      for (a : 0 .. T * V - 1) { offers[a] = 0 }
      for (a : 0 .. T * V * G - 1) { soup[a] = 0 }
#if R > 0
      for (a : 0 .. N - 1) { gen[a] = 0; away[a] = 0; saved_seen[a] = 0 }
      for (a : 0 .. N * N - 1) { seen[a] = 0; owed[a] = 0; answered[a] = 0 }
      for (a : 0 .. N * N * T - 1) { answer[a] = 0 }
      for (a : 0 .. 2 * T - 1) { saved_rec[a] = 0; saved_terms[a] = 0 }
      for (a : 0 .. T - 1) { saved_key[a] = 0 }
      restores = 0; saved = 0; saved_state = 0; saved_epoch = 0; saved_whose = 0
#endif
    :: else
    fi;
    t = 0; s = 0; e = 0; v = 0; g = 0; o = 0; x = 0; k = 0; j = 0; h = 0
  }
}

#define ARRIVES(step) (SOUP(t, v, g) & BIT(step))

active proctype world() {
  /* The choice of one step: transfer, side, event, offer, generation, goodness, mishap, authorities, healing. */
  byte t, s, e, v, g, o, x, k, j, h;
  d_step { state[0] = ACTIVE; epoch[0] = 1 }
end:
  do
  :: !over -> atomic {
    if
    :: t = 0
#if T > 1
    :: t = 1
#endif
#if T > 2
    :: t = 2
#endif
#if T > 3
    :: t = 3
#endif
    fi;
    if :: v = 0
#if V > 1
       :: v = 1
#endif
#if V > 2
       :: v = 2
#endif
    fi;
    if :: g = 0
#if G > 1
       :: g = 1
#endif
#if G > 2
       :: g = 2
#endif
    fi;
    if :: k = 0 :: k = 1
#if N > 2
       :: k = 2
#endif
#if N > 3
       :: k = 3
#endif
    fi;
    if
    /* Wires */
    :: k == 0 && ARRIVES(REQUEST) -> e = REQUEST; s = 0; if :: o = 1 :: o = 0 fi
    :: k == 0 && ARRIVES(OFFER) -> e = OFFER; s = 1; if :: o = 1 :: o = 0 fi
    :: k == 0 && ARRIVES(ACCEPT) -> e = ACCEPT; s = 0
    :: k == 0 && ARRIVES(RELEASE) -> e = RELEASE; s = 1
    :: k == 0 && ARRIVES(ACTIVATED) -> e = ACTIVATED; s = 0
    :: k == 0 && ARRIVES(CANCEL) -> e = CANCEL; s = 1
    :: k == 0 && ARRIVES(REJECT) -> e = REJECT; s = 0
    /* Another authority says CANCEL in its own name. */
    :: k == 0 && v == 0 && g == 0 && dest[t] != 0 && N > 2 -> e = CANCEL; s = 1; x = 2
    :: k == 0 && v == 0 && g == 0 && dest[t] != 0 && R > 0 -> e = QUERY; if :: s = 0 :: s = 1 fi
    /* People and timers. Transfers are wanted in the order of their numbers. */
    :: v == 0 && g == 0 && dest[t] == 0 && (t == 0 || dest[t - (t > 0 -> 1 : 0)] != 0) ->
      if :: j = 0 :: j = 1
#if N > 2
         :: j = 2
#endif
#if N > 3
         :: j = 3
#endif
      fi;
      if
      :: j != k && !AWAY(j) -> origin[t] = k + 1; dest[t] = j + 1; e = REQUEST_WANTED; s = 1
      :: else
      fi
    :: k == 0 && v == 0 && g == 0 && OPEN(rec[2 * t + 1]) -> e = WITHDRAWAL_WANTED; s = 1
    :: k == 0 && v == 0 && g == 0 && rec[2 * t + 1] == D_RECEIVED -> e = CERTIFICATES_ISSUED; s = 1
    :: k == 0 && v == 0 && g == 0 && OPEN(rec[2 * t]) -> e = CANCEL_WANTED; s = 0
    :: k == 0 && v == 0 && g == 0 && R > 0 && dest[t] != 0 -> e = RESEND_WANTED; if :: s = 0 :: s = 1 fi
    /* The transfer is the one that has the lock; where none has, any serves that is not in the way. */
    :: v == 0 && g == 0 && HOLDS(state[k]) && !AWAY(k) && state[k] == OFFERED && whose[k] == t + 1 ->
      e = DISSOLUTION_WANTED; s = 0
    :: t == 0 && v == 0 && g == 0 && (state[k] == ACTIVE || state[k] == RECEIVED) && !AWAY(k) -> h = 2
#if R > 0
    /* Backups, restores, and the members' answers */
    :: t == 0 && v == 0 && g == 0 && saved == 0 && restores < R && !AWAY(k) -> h = 3
    :: t == 0 && v == 0 && g == 0 && saved == k + 1 && restores < R -> h = 4
    :: t == 0 && v == 0 && g == 0 && AWAY(k) ->
      if :: j = 0 :: j = 1
#if N > 2
         :: j = 2
#endif
#if N > 3
         :: j = 3
#endif
      fi;
      if
      :: owed[k * N + j] && GEN(k) >= SEEN(j, k) -> h = 5
      :: owed[k * N + j] && answered[k * N + j] > SEEN(k, j) -> h = 6
      :: else
      fi
#endif
    :: t == 0 && v == 0 && g == 0 && k == 0 -> h = 1
    :: else
    fi;
#if FAULT == 6
    if :: x == 0 -> if :: x = 0 :: x = 1 fi :: else fi;
#endif
    if
    :: h == 0 && e == 0 -> d_step { t = 0; s = 0; v = 0; g = 0; o = 0; x = 0; k = 0; j = 0 }
    :: h == 2 ->
      /* Dissolution where no transfer has the lock: the record is not looked at (protocol-source.ts). */
      d_step {
        state[k] = DISSOLVED; whose[k] = 0; check_registration(); check_transfers();
        t = 0; s = 0; e = 0; v = 0; g = 0; o = 0; x = 0; k = 0; j = 0; h = 0
      }
#if R > 0
    :: h == 3 -> d_step { back_up(k); t = 0; k = 0; h = 0; v = 0; g = 0; x = 0 }
    :: h == 4 -> d_step { restore(k); check_registration(); check_transfers(); t = 0; k = 0; h = 0; v = 0; g = 0; x = 0 }
    :: h == 5 -> d_step { testify(k, j); t = 0; k = 0; j = 0; h = 0; v = 0; g = 0; x = 0 }
#endif
    :: else ->
      if
      :: h == 6 -> d_step { self = k; from_whom = j; }
      :: else
      fi;
      perform((h == 1))
    fi
  }
  :: over -> break
  od
}
