/*
 * The transfer protocol for one registration, as src/transfer has it, against everything that a network and a crash can do.
 *
 *   spin -a -DN=3 -DT=2 -DR=0 transfer.pml && gcc -O2 -DSAFETY -DNOREDUCE -o pan pan.c && ./pan
 *
 * N authorities, T transfers (any origin, any destination: rivals, moves back and onward, an authority that never had
 * the registration), R restores from a backup, at either side, with quarantine. FAULT=n seeds mistake n
 * (test/model/model-faults.ts); TABLE prints every decision of `decide`, which test/model/model.test.ts compares with
 * what the real reducer decides.
 *
 * Messages are a soup: what was ever sent can arrive at any time, any number of times, in any order, or never. Each step
 * is one transaction of the edge (src/transfer/apply-event.ts): a crash before the commit is a step that does not happen,
 * a crash after it a message that is late.
 */
#ifndef N
#define N 3
#endif
#ifndef T
#define T 2
#endif
#ifndef R
#define R 0
#endif
#ifndef FAULT
#define FAULT 0
#endif
/* A sender's generations, and how often one transfer can be offered: each restore may forget one offer. */
#define G (R + 1)
#define V (R + 1)

/* Custody: protocol-state.ts. */
#define ABSENT 0
#define ACTIVE 1
#define OFFERED 2
#define RELEASED 3
#define RECEIVED 4
#define CLOSED 5
#define DISSOLVED 6

/* TransferState: protocol-state.ts. STAGED is two states, by its wish. */
#define NONE 0
#define S_OFFERED 1
#define S_RELEASED 2
#define S_CLOSED 3
#define S_CANCELLED 4
#define D_REQUESTED 5
#define D_REJECTED 6
#define D_STAGED 7
#define D_WITHDRAWING 8
#define D_RECEIVED 9
#define D_ACTIVATED 10
#define D_CANCELLED 11
#define IS_SOURCE(x) (x >= S_OFFERED && x <= S_CANCELLED)
#define IS_DESTINATION(x) (x >= D_REQUESTED)

/* Events: protocol-event.ts; the first eight are also the messages' steps. */
#define REQUEST 1
#define OFFER 2
#define ACCEPT 3
#define RELEASE 4
#define ACTIVATED 5
#define CANCEL 6
#define REJECT 7
#define QUERY 8
#define REQUEST_WANTED 9
#define WITHDRAWAL_WANTED 10
#define CERTIFICATES_ISSUED 11
#define CANCEL_WANTED 12
#define RESEND_WANTED 13
#define DISSOLUTION_WANTED 14
#define SHOWS_CANCELLED 15
#define SHOWS_RECEIVED 16
#define SHOWS_ACTIVATED 17
#define SHOWS_RELEASED 18

/* Outcome, and RefusedBecause in the order of protocol-event.ts. */
#define APPLIED 0
#define REPEATED 1
#define QUARANTINED_NOW 2
#define NOT_QUARANTINED 3
#define SENT_BEFORE_RESTORE 4
#define NOT_THE_PEER 5
#define WRONG_SIDE 6
#define TRANSFER_UNKNOWN 7
#define TRANSFER_EXISTS 8
#define OUT_OF_ORDER 9
#define BODY_DIFFERS 10
#define ALREADY_RELEASED 11
#define ALREADY_CANCELLED 12
#define ALREADY_REJECTED 13
#define EPOCH_NOT_NEWER 14
#define ALREADY_HELD 15
#define IS_DISSOLVED 16
#define NOT_HOLDER 17
#define EVIDENCE_CONFLICTS 18

/* Effects, as bits. */
#define LOCKS 1
#define UNLOCKS 2
#define ENDS_CONTINUED 4
#define ENDS_DISSOLVED 8
#define INVALIDATES 16
#define STAGES 32
#define DESTROYS 64
#define ACTIVATES 128
#define INTENDS 256
#define SETTLES_THIS 512
#define SETTLES_OTHER 1024
#define RECORDS 2048
#define ENDS_CASE 4096

/* Broken invariants: protocol-invariants.ts. */
#define I1 1
#define I2 2
#define I3 3
#define I4 4
#define I5 5
#define I6 6
#define I7 7
#define L1 8
#define L2 9

/* What `decide` is told. Custody: state, epoch, whether this transfer has it. Record: state, epoch of its terms. */
hidden byte Cs, Ce, Ts, Te;
hidden byte Cm;
/* In quarantine; generation is current; sender is the peer; body is the expected one; epoch that the event names;
   subject OFFERABLE / payload ACCEPTABLE. */
hidden byte Quarantined, Current, FromPeer, Expected, Good;
hidden byte Ev, Ee;
/* What it decides. Lock: 0 nobody's, 1 this transfer's, 2 as before. */
hidden byte Cs2, Ce2, Lock, Ts2, Te2, Msg, Why, hinders;
hidden short Fx;

#define LOCKED_BY_THIS (Cs == OFFERED && Cm)
#define KNOWN_EPOCH (Cs == ABSENT -> 0 : (Cs == RELEASED || Cs == CLOSED -> Ce + 1 : Ce))
#define IS_NEWER (Cs != DISSOLVED && Ee > KNOWN_EPOCH)

/* storedDecision (source), storedAnswer (destination): protocol-message.ts. */
inline say_again(state) {
  if
  :: state == S_OFFERED -> Msg = OFFER
  :: state == S_RELEASED || state == S_CLOSED -> Msg = RELEASE
  :: state == S_CANCELLED -> Msg = CANCEL
  :: state == D_REQUESTED -> Msg = REQUEST
  :: state == D_REJECTED || state == D_WITHDRAWING -> Msg = REJECT
  :: state == D_STAGED || state == D_RECEIVED -> Msg = ACCEPT
  :: state == D_ACTIVATED -> Msg = ACTIVATED
  :: else -> Msg = 0
  fi
}

/* cancelOffer: protocol-source.ts */
inline cancel_offer() {
  Why = APPLIED; Ts2 = S_CANCELLED; Te2 = 0; Msg = CANCEL; Fx = Fx | RECORDS;
  if
  :: LOCKED_BY_THIS -> Cs2 = ACTIVE; Lock = 0; Fx = Fx | UNLOCKS
  :: else
  fi
}

/* cancelUnknown: protocol-source.ts */
inline cancel_unknown() {
  Why = APPLIED; Ts2 = S_CANCELLED; Te2 = 0; Msg = CANCEL; Fx = RECORDS
}

/* rejectOffer: protocol-destination.ts */
inline reject_offer() {
  Why = APPLIED; Ts2 = D_REJECTED; Te2 = 0; Msg = REJECT; Fx = ENDS_CASE
}

/* hindranceTo: protocol-destination.ts */
inline find_hindrance(epoch) {
  if
  :: Cs == DISSOLVED -> hinders = IS_DISSOLVED
  :: Cs == ACTIVE || Cs == OFFERED || Cs == RECEIVED -> hinders = ALREADY_HELD
  :: else -> hinders = (epoch > KNOWN_EPOCH -> 0 : EPOCH_NOT_NEWER)
  fi
}

/* receive: protocol-destination.ts */
inline receive(epoch) {
  Why = APPLIED; Cs2 = RECEIVED; Ce2 = epoch; Lock = 1; Ts2 = D_RECEIVED; Te2 = epoch;
  Fx = Fx | ACTIVATES | INTENDS
}

/* displaced: quarantine.ts */
inline displace() {
  if
  :: Cs == RECEIVED -> Fx = Fx | (Cm -> SETTLES_THIS : SETTLES_OTHER)
  :: else
  fi
}

inline on_request() {  /* onRequest: protocol-source.ts */
#if FAULT == 13
  if :: Cs == DISSOLVED -> Cs = ACTIVE :: else fi;
#endif
#if FAULT == 3
  if :: Cs == OFFERED && Ts == NONE -> Cs = ACTIVE :: else fi;
#endif
#if FAULT == 4
  if :: Ts == S_CANCELLED -> Ts = NONE :: else fi;
#endif
  if
  :: IS_DESTINATION(Ts) -> Why = WRONG_SIDE
  :: Ts == S_CANCELLED -> say_again(Ts)
  :: IS_SOURCE(Ts) && Ts != S_CANCELLED ->
    if
    :: !Expected -> Why = BODY_DIFFERS
    :: else -> say_again(Ts)
    fi
  :: Ts == NONE ->
    if
    :: Cs != ACTIVE || !Good -> cancel_unknown()
    :: else ->
      Why = APPLIED; Cs2 = OFFERED; Lock = 1; Ts2 = S_OFFERED; Te2 = Ce + 1; Msg = OFFER; Fx = LOCKS;
#if FAULT == 14
      Te2 = Ce
#endif
    fi
  fi
}

inline on_offer() {  /* onOffer: protocol-destination.ts */
  if
  :: IS_SOURCE(Ts) -> Why = WRONG_SIDE
  :: Ts == NONE -> reject_offer()
  :: Ts == D_REQUESTED ->
    find_hindrance(Ee);
    if
    :: !Expected -> Why = BODY_DIFFERS
    :: Expected && (hinders || !Good) -> reject_offer()
    :: else ->
#if FAULT == 1
      receive(Ee)
#else
      Why = APPLIED; Ts2 = D_STAGED; Te2 = Ee; Msg = ACCEPT; Fx = STAGES
#endif
    fi
  :: Ts == D_STAGED || Ts == D_WITHDRAWING || Ts == D_RECEIVED || Ts == D_ACTIVATED ->
    if
    :: !Expected -> Why = BODY_DIFFERS
    :: else -> say_again(Ts)
    fi
  :: Ts == D_REJECTED -> say_again(Ts)
  :: Ts == D_CANCELLED -> Why = ALREADY_CANCELLED; Msg = REJECT
  fi
}

inline on_accept() {  /* onAccept: protocol-source.ts; its APPLIED is the commit point */
#if FAULT == 22
  Expected = 1;
#endif
  if
  :: IS_DESTINATION(Ts) -> Why = WRONG_SIDE
  :: Ts == NONE -> cancel_unknown()
  :: Ts == S_CANCELLED -> say_again(Ts)
  :: (Ts == S_OFFERED || Ts == S_RELEASED || Ts == S_CLOSED) && !Expected -> Why = BODY_DIFFERS
  :: (Ts == S_RELEASED || Ts == S_CLOSED) && Expected -> say_again(Ts)
  :: Ts == S_OFFERED && Expected ->
    if
#if FAULT == 3 || FAULT == 12
    :: false -> skip
#else
    :: !LOCKED_BY_THIS -> cancel_offer()
#endif
    :: else ->
      Why = APPLIED; Cs2 = RELEASED; Lock = 1; Ts2 = S_RELEASED; Msg = RELEASE;
#if FAULT == 9
      Cs2 = CLOSED
#endif
    fi
  fi
}

inline on_release() {  /* onRelease: protocol-destination.ts */
  if
  :: IS_SOURCE(Ts) -> Why = WRONG_SIDE
  :: Ts == NONE -> Why = TRANSFER_UNKNOWN
  :: Ts == D_REQUESTED -> Why = OUT_OF_ORDER
  :: Ts == D_REJECTED -> Why = ALREADY_REJECTED
  :: Ts == D_CANCELLED -> Why = ALREADY_CANCELLED
  :: (Ts == D_STAGED || Ts == D_WITHDRAWING || Ts == D_RECEIVED || Ts == D_ACTIVATED) && !Expected ->
    Why = BODY_DIFFERS
  :: Ts == D_RECEIVED && Expected -> skip
  :: Ts == D_ACTIVATED && Expected ->
#if FAULT == 5
    receive(Te)
#else
    say_again(Ts)
#endif
  :: (Ts == D_STAGED || Ts == D_WITHDRAWING) && Expected ->
    find_hindrance(Te);
    if
    :: hinders -> Why = hinders
    :: else ->
      receive(Te);
#if FAULT == 8
      Msg = ACTIVATED
#endif
    fi
  fi
}

inline on_activated() {  /* onActivated: protocol-source.ts */
  if
  :: IS_DESTINATION(Ts) -> Why = WRONG_SIDE
  :: Ts == NONE -> Why = TRANSFER_UNKNOWN
  :: Ts == S_OFFERED -> Why = OUT_OF_ORDER
  :: Ts == S_CANCELLED -> Why = ALREADY_CANCELLED
  :: Ts == S_CLOSED ->
#if FAULT == 7
    if :: Cs == RELEASED -> Why = APPLIED; Cs2 = CLOSED :: else fi
#else
    skip
#endif
  :: Ts == S_RELEASED ->
    if
    :: !Expected -> Why = BODY_DIFFERS
    :: else ->
      Why = APPLIED; Ts2 = S_CLOSED; Fx = INVALIDATES;
      if
      :: Cs == RELEASED && Cm -> Cs2 = CLOSED; Fx = Fx | ENDS_CONTINUED
      :: else
      fi
    fi
  fi
}

inline on_cancel() {  /* onCancel: protocol-destination.ts */
  if
  :: IS_SOURCE(Ts) -> Why = WRONG_SIDE
  :: Ts == NONE -> Why = TRANSFER_UNKNOWN
  :: Ts == D_REJECTED || Ts == D_CANCELLED -> skip
  :: Ts == D_RECEIVED || Ts == D_ACTIVATED -> Why = ALREADY_RELEASED
  :: Ts == D_REQUESTED || Ts == D_STAGED || Ts == D_WITHDRAWING ->
    Why = APPLIED; Ts2 = D_CANCELLED; Te2 = 0; Fx = ENDS_CASE;
    if
    :: Ts != D_REQUESTED -> Fx = Fx | DESTROYS
    :: else
    fi
  fi
}

inline on_reject() {  /* onReject: protocol-source.ts */
  if
  :: IS_DESTINATION(Ts) -> Why = WRONG_SIDE
  :: Ts == NONE -> cancel_unknown()
  :: Ts == S_OFFERED -> cancel_offer()
  :: Ts == S_RELEASED || Ts == S_CLOSED ->
#if FAULT == 11
    if
    :: Ts == S_RELEASED && Cs == RELEASED -> Why = APPLIED; Cs2 = ACTIVE; Lock = 0; Ts2 = S_CANCELLED; Msg = CANCEL
    :: else -> Why = ALREADY_RELEASED; say_again(Ts)
    fi
#else
    Why = ALREADY_RELEASED; say_again(Ts)
#endif
  :: Ts == S_CANCELLED -> say_again(Ts)
  fi
}

inline on_query() {  /* onQuery: protocol.ts */
  if
  :: Ts == NONE -> Why = TRANSFER_UNKNOWN
  :: else -> say_again(Ts)
  fi
}

inline on_request_wanted() {  /* onRequestWanted: protocol-destination.ts */
  if
  :: Ts != NONE -> Why = TRANSFER_EXISTS
  :: else -> Why = APPLIED; Ts2 = D_REQUESTED; Msg = REQUEST
  fi
}

inline on_withdrawal_wanted() {  /* onWithdrawalWanted: protocol-destination.ts */
  if
  :: IS_SOURCE(Ts) -> Why = WRONG_SIDE
  :: Ts == NONE -> Why = TRANSFER_UNKNOWN
  :: Ts == D_REQUESTED -> reject_offer()
  :: Ts == D_STAGED ->
#if FAULT == 10
    reject_offer(); Fx = DESTROYS
#else
    Why = APPLIED; Ts2 = D_WITHDRAWING; say_again(Ts2)
#endif
  :: Ts == D_WITHDRAWING -> say_again(Ts)
  :: Ts == D_RECEIVED || Ts == D_ACTIVATED -> Why = ALREADY_RELEASED
  :: Ts == D_REJECTED || Ts == D_CANCELLED -> skip
  fi
}

inline on_certificates_issued() {  /* onCertificatesIssued: protocol-destination.ts */
  if
  :: IS_SOURCE(Ts) -> Why = WRONG_SIDE
  :: Ts == NONE -> Why = TRANSFER_UNKNOWN
  :: Ts == D_REQUESTED || Ts == D_STAGED || Ts == D_WITHDRAWING -> Why = OUT_OF_ORDER
  :: Ts == D_REJECTED -> Why = ALREADY_REJECTED
  :: Ts == D_CANCELLED -> Why = ALREADY_CANCELLED
  :: Ts == D_ACTIVATED -> say_again(Ts)
  :: Ts == D_RECEIVED ->
    Why = APPLIED; Ts2 = D_ACTIVATED; Msg = ACTIVATED;
    if
    :: Cs == RECEIVED && Cm -> Cs2 = ACTIVE; Lock = 0
    :: else
    fi
  fi
}

inline on_cancel_wanted() {  /* onCancelWanted: protocol-source.ts */
  if
  :: IS_DESTINATION(Ts) -> Why = WRONG_SIDE
  :: Ts == NONE -> Why = TRANSFER_UNKNOWN
  :: Ts == S_OFFERED -> cancel_offer()
  :: Ts == S_RELEASED ->
#if FAULT == 2
    if
    :: Cs == RELEASED -> Why = APPLIED; Cs2 = ACTIVE; Lock = 0; Ts2 = S_CANCELLED; Msg = CANCEL
    :: else -> Why = ALREADY_RELEASED; say_again(Ts)
    fi
#else
    Why = ALREADY_RELEASED; say_again(Ts)
#endif
  :: Ts == S_CLOSED -> Why = ALREADY_RELEASED
  :: Ts == S_CANCELLED -> skip
  fi
}

inline on_resend_wanted() {  /* onSourceResend, onDestinationResend; onResendWanted: protocol.ts */
  if
  :: Ts == NONE -> Why = TRANSFER_UNKNOWN
  :: Ts == S_OFFERED && !LOCKED_BY_THIS -> cancel_offer()
#if FAULT == 23
  :: Ts == S_RELEASED -> skip
#else
  :: Ts == S_RELEASED -> say_again(Ts)
#endif
  :: (Ts == S_OFFERED && LOCKED_BY_THIS) || Ts == D_REQUESTED || Ts == D_STAGED || Ts == D_WITHDRAWING -> say_again(Ts)
  :: else
  fi
}

inline on_dissolution_wanted() {  /* onDissolutionWanted: protocol-source.ts */
  if
  :: Cs == ABSENT || Cs == CLOSED -> Why = NOT_HOLDER
  :: Cs == RELEASED -> Why = ALREADY_RELEASED
  :: Cs == DISSOLVED -> skip
  :: Cs == OFFERED && Ts != S_OFFERED -> Why = TRANSFER_UNKNOWN
  :: Cs == ACTIVE || Cs == RECEIVED || (Cs == OFFERED && Ts == S_OFFERED) ->
    if
    :: Cs == OFFERED ->
#if FAULT == 12
      skip
#else
      cancel_offer()
#endif
    :: else -> displace()
    fi;
    Why = APPLIED; Cs2 = DISSOLVED; Lock = 0; Fx = Fx | ENDS_DISSOLVED | INVALIDATES
  fi
}

inline on_shows_cancelled() {  /* recallCancel: quarantine.ts */
  if
#if FAULT == 20
  :: true -> skip
#endif
  :: IS_DESTINATION(Ts) || Ts == S_RELEASED || Ts == S_CLOSED -> Why = EVIDENCE_CONFLICTS
  :: Ts == NONE -> Why = APPLIED; Ts2 = S_CANCELLED
  :: Ts == S_OFFERED -> cancel_offer(); Msg = 0
  :: Ts == S_CANCELLED -> skip
  fi
}

inline on_shows_received() {  /* recallRelease: quarantine.ts */
  if
  :: IS_DESTINATION(Ts) || Ts == S_CANCELLED -> Why = EVIDENCE_CONFLICTS
  :: Ts == S_RELEASED || Ts == S_CLOSED -> skip
  :: Ts == NONE || Ts == S_OFFERED ->
    Why = APPLIED; Ts2 = S_RELEASED; Te2 = Ee;
    if
    :: IS_NEWER -> Cs2 = RELEASED; Ce2 = Ee - 1; Lock = 1; displace(); Fx = Fx | LOCKS
    :: else
    fi
  fi
}

inline on_shows_activated() {  /* recallClosing: quarantine.ts */
  if
  :: IS_DESTINATION(Ts) || Ts == S_CANCELLED -> Why = EVIDENCE_CONFLICTS
  :: Ts == S_CLOSED -> skip
  :: Ts == NONE || Ts == S_OFFERED || Ts == S_RELEASED ->
    Why = APPLIED; Ts2 = S_CLOSED; Te2 = Ee; Fx = INVALIDATES;
    if
    :: (Cs == RELEASED && Cm) || IS_NEWER ->
      Cs2 = CLOSED; Ce2 = Ee - 1; Lock = 1; displace(); Fx = Fx | ENDS_CONTINUED
    :: else
    fi
  fi
}

inline on_shows_released() {  /* recallArrival: quarantine.ts */
  if
  :: IS_SOURCE(Ts) || Ts == D_REJECTED || Ts == D_CANCELLED -> Why = EVIDENCE_CONFLICTS
  :: Ts == D_RECEIVED || Ts == D_ACTIVATED -> skip
  :: Ts == NONE || Ts == D_REQUESTED || Ts == D_STAGED || Ts == D_WITHDRAWING ->
    if
    :: IS_NEWER -> displace(); receive(Ee)
    :: else ->
      Why = APPLIED; Ts2 = D_RECEIVED; Te2 = Ee; Fx = SETTLES_THIS;
      if
      :: Ts == D_STAGED || Ts == D_WITHDRAWING -> Fx = Fx | DESTROYS
      :: else
      fi
    fi
  fi
}

/* reduce, reduceMessage, reduceLocal: protocol.ts; onEvidence: quarantine.ts */
inline decide() {
  Cs2 = Cs; Ce2 = Ce; Lock = 2; Ts2 = Ts; Te2 = Te; Msg = 0; Fx = 0; Why = REPEATED; hinders = 0;
#if FAULT == 19
  Current = 1;
#endif
#if FAULT == 15
  if :: Ev == CANCEL -> FromPeer = 1 :: else fi;
#endif
#if FAULT == 21
  if :: Ev >= SHOWS_CANCELLED -> Cs = ABSENT; Cm = 0 :: else fi;
#endif
  if
  :: Ev >= SHOWS_CANCELLED && !Quarantined -> Why = NOT_QUARANTINED
  :: Ev < SHOWS_CANCELLED && Quarantined -> Why = QUARANTINED_NOW
  :: else ->
    if
    :: (Ev <= QUERY || Ev >= SHOWS_CANCELLED) && !Current -> Why = SENT_BEFORE_RESTORE
    :: Current && Ev <= QUERY && Ts != NONE && !FromPeer -> Why = NOT_THE_PEER
    :: Current && Ev >= SHOWS_CANCELLED && !FromPeer -> Why = NOT_THE_PEER
    :: else ->
      if
      :: Ev == REQUEST -> on_request()
      :: Ev == OFFER -> on_offer()
      :: Ev == ACCEPT -> on_accept()
      :: Ev == RELEASE -> on_release()
      :: Ev == ACTIVATED -> on_activated()
      :: Ev == CANCEL -> on_cancel()
      :: Ev == REJECT -> on_reject()
      :: Ev == QUERY -> on_query()
      :: Ev == REQUEST_WANTED -> on_request_wanted()
      :: Ev == WITHDRAWAL_WANTED -> on_withdrawal_wanted()
      :: Ev == CERTIFICATES_ISSUED -> on_certificates_issued()
      :: Ev == CANCEL_WANTED -> on_cancel_wanted()
      :: Ev == RESEND_WANTED -> on_resend_wanted()
      :: Ev == DISSOLUTION_WANTED -> on_dissolution_wanted()
      :: Ev == SHOWS_CANCELLED -> on_shows_cancelled()
      :: Ev == SHOWS_RECEIVED -> on_shows_received()
      :: Ev == SHOWS_ACTIVATED -> on_shows_activated()
      :: Ev == SHOWS_RELEASED -> on_shows_released()
      fi
    fi
  fi;
#if FAULT == 16
  if :: Fx & DESTROYS -> Fx = Fx - DESTROYS :: else fi;
#endif
}

#ifdef TABLE
#include "transfer-table.pml"
#else
#include "transfer-world.pml"
#endif
