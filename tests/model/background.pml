/*
 * What happens beside requests: time passes, holds that have ended are deleted, callbacks are delivered.
 */

#define may_sweep(b)  (lapsed(b, clock + AHEAD) && (mistake == UNLOCKED_SWEEP || (lock[0] == 0 && lock[1] == 0)))

/* Deletes the events of the hold that was found. */
inline sweep() {
    printf("booking %d: swept\n", found);
    status[found] = EXPIRED; expires[found] = 0;
    write_events(found, 0);
    bump();
    check();
    found = 0
}

active proctype Clock() {
end:
    do
    :: atomic { clock < last -> clock++; printf("the clock shows %d\n", clock) }
    od
}

/* Deletes holds that have ended, by one of two clocks, at some time: on a condition, in one transaction. */
active proctype Sweep() {
    byte found;

end:
    do
    :: atomic {
        if
        :: may_sweep(0) -> found = 0
        :: may_sweep(1) -> found = 1
        :: may_sweep(2) -> found = 2
        fi;
        if
        :: mistake == UNLOCKED_SWEEP -> goto later
        :: else -> sweep()
        fi
       }
    od;
later:
    atomic { sweep(); goto end }
}

/*
 * Delivers callbacks: claims one, sends it, deletes it. A claim ends some time after its worker was killed. It begins
 * when the clients are done: nothing that they do depends on it, so in any other order it would do the same.
 */
active proctype Delivery() {
    byte whose, what;

end:
    do
    :: atomic {
        if
        :: finished == clients && outbox[0] != 0 -> whose = 0
        :: finished == clients && outbox[1] != 0 -> whose = 1
        :: finished == clients && outbox[2] != 0 -> whose = 2
        fi;
        what = outbox[whose] & (-outbox[whose])
       }
       if
       :: mistake == DELETED_BEFORE_SENT -> outbox[whose] = outbox[whose] & ~what
       :: else
       fi;
       if
       :: atomic { untold[whose] = untold[whose] & ~what }
          if
          :: atomic { outbox[whose] = outbox[whose] & ~what }
          :: atomic { MAY_FAIL }
          fi
       :: atomic { MAY_FAIL }
       fi;
       atomic { whose = 0; what = 0 }
    :: atomic {
        finished == clients && outbox[0] == 0 && outbox[1] == 0 && outbox[2] == 0 ->
        check();
        EVERY_CHANGE_IS_TOLD = untold[0] == 0 && untold[1] == 0 && untold[2] == 0;
        assert(EVERY_CHANGE_IS_TOLD);
        break
       }
    od
}
