/*
 * What the database stores, what is in the world around it, and what has to hold of both.
 */

#define MEMBERS   2  /* calendars; a booking has one event on each */
#define MOST      3  /* clients, at most; client n makes booking n */
#define HOLD_FOR  2  /* how long a hold lasts */
#define AHEAD     1  /* by how much the clock of one machine is ahead of the other's */

mtype = {
    BOOK, HOLD, CONFIRM, MOVE, CANCEL,       /* requests */
    DONE, TAKEN,                             /* answers */
    HELD, CONFIRMED, CANCELLED, EXPIRED,     /* the status of a booking; 0 before it is made */
    CURRENT, OLD                             /* versions that a request has loaded */
};

/* Mistakes, each of which breaks the protocol in one way. */
#define UNCONDITIONAL_WRITE   1  /* the optimistic write does not compare versions */
#define NO_LOCK               2  /* the transaction decides without having locked the calendars */
#define LOCK_ORDER            3  /* calendars are locked in the order of the request, not of their keys */
#define STALE_CLOCK           4  /* a hold that had not ended when the request came is confirmed, whatever else is there */
#define HOLD_FORGOTTEN        5  /* a hold does not block */
#define SWEEP_ALONE           6  /* a hold that has ended blocks until the sweep has deleted it */
#define UNLOCKED_SWEEP        7  /* the sweep deletes what it found earlier, without a lock or a condition */
#define EVENTS_OUTSIDE        8  /* events are written one by one, outside of the transaction */
#define MOVED_IN_TWO          9  /* a move deletes in one transaction, and books in another */
#define ANSWERED_EARLY       10  /* the answer is sent before the commit */
#define KEY_OUTSIDE          11  /* the answer is stored under its key after the commit */
#define OWN_FORGOTTEN        12  /* a retry does not look for the events that it has perhaps written already */
#define OUTBOX_OUTSIDE       13  /* the callback is written after the commit */
#define DELETED_BEFORE_SENT  14  /* a callback is deleted, then sent */

/* The run. It is read from the environment, so that the model is compiled once for all of them. */
byte mistake;                   /* 0 for none */
byte clients, capacity;
bool whole;                     /* whether clients also move and cancel */
byte faults;                    /* how many may still happen */
byte last;                      /* when the clock stops */

/* The database. */
byte event[6];                  /* by booking and calendar: 1 + the time of the event, 0 without one */
mtype status[MOST];
byte at[MOST], expires[MOST];   /* of a booking: its time, and when it lapses as a hold */
mtype stored[MOST];             /* the answer that is stored under the idempotency key of the client's request */
mtype loaded[MOST];             /* the versions that the client's request has loaded: CURRENT, OLD, 0 before it has */
byte lock[MEMBERS];             /* 1 + the client whose request holds it, 0 if it is free */
byte outbox[MOST];              /* callbacks to be delivered, as bits */

/* The world. */
byte clock, finished;
byte untold[MOST];              /* committed changes of which the application has received no callback, as bits */
mtype known[MOST];              /* the status of its booking that a client knows by its last answer; 0 while it waits */
byte known_at[MOST];

/* The invariants. */
bool AT_MOST_CAPACITY = true, ALL_OR_NOTHING = true, NOTHING_ACKNOWLEDGED_IS_LOST = true;
bool EVERY_CHANGE_IS_TOLD = true, A_LAPSED_HOLD_BLOCKS_NOBODY = true;

hidden byte b, m, n, slot, room;  /* of single steps */

#define event_of(b, m)        event[(b) * MEMBERS + (m)]
#define lapsed(b, time)       (status[b] == HELD && expires[b] <= (time))
#define bit(request)          (request == MOVE -> 2 : (request == CANCEL -> 4 : (request == HOLD -> 0 : 1)))
#define MAY_FAIL              faults > 0 -> faults--

/* Sets `result`: whether both calendars have room at a time, by this clock, beside all events but those of `own`. */
inline look(result, when, time, own, lapse, holds) {
    d_step {
        result = true;
        for (m : 0 .. MEMBERS - 1) {
            n = 0;
            for (b : 0 .. MOST - 1) {
                n = n + ((b != own && event_of(b, m) == when + 1 && !(lapse && lapsed(b, time))
                          && (holds || status[b] != HELD)) -> 1 : 0)
            }
            result = result && n < capacity
        }
        b = 0; m = 0; n = 0
    }
}

/* The invariants of every committed state. */
inline check() {
    d_step {
        for (m : 0 .. MEMBERS - 1) {
            for (slot : 1 .. 2) {
                n = 0;
                for (b : 0 .. MOST - 1) {  /* a hold counts as long as it has ended by no clock */
                    n = n + ((event_of(b, m) == slot && !lapsed(b, clock + AHEAD)) -> 1 : 0)
                }
                AT_MOST_CAPACITY = AT_MOST_CAPACITY && n <= capacity
            }
        }
        for (b : 0 .. MOST - 1) {
            n = ((status[b] == HELD || status[b] == CONFIRMED) -> at[b] + 1 : 0);
            ALL_OR_NOTHING = ALL_OR_NOTHING && event_of(b, 0) == n && event_of(b, 1) == n;
            NOTHING_ACKNOWLEDGED_IS_LOST = NOTHING_ACKNOWLEDGED_IS_LOST && (
                known[b] == 0
                || (known[b] == status[b] && known_at[b] == at[b])
                || (known[b] == TAKEN && (status[b] == 0 || status[b] == EXPIRED))
                || (known[b] == HELD && status[b] == EXPIRED))
        }
        b = 0; m = 0; n = 0; slot = 0;
        assert(AT_MOST_CAPACITY);
        assert(ALL_OR_NOTHING);
        assert(NOTHING_ACKNOWLEDGED_IS_LOST)
    }
}

