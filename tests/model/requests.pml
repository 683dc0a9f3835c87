/*
 * Requests: what a client asks, and what a worker does with it, step by step. A worker may be killed before each.
 */

inline write_events(own, value) {
    event_of(own, 0) = value;
    event_of(own, 1) = value
}

/* Gives the calendars new versions. */
inline bump() {
    for (b : 0 .. MOST - 1) { loaded[b] = (loaded[b] != 0 -> OLD : 0) }
    b = 0
}

inline release(own) {
    for (m : 0 .. MEMBERS - 1) { lock[m] = (lock[m] == own + 1 -> 0 : lock[m]) }
    m = 0
}

/* What the client of `me` knows by an answer. Nothing more when it has cancelled a hold that had ended. */
inline note_answer(given) {
    if
    :: given == TAKEN && request == MOVE -> known[me] = CONFIRMED; wanted = 1 - wanted
    :: given == TAKEN && request == CONFIRM -> known[me] = HELD
    :: given == TAKEN && (request == BOOK || request == HOLD) -> known[me] = TAKEN
    :: given == DONE && request == HOLD -> known[me] = HELD
    :: given == DONE && request == CANCEL ->
        known[me] = ((status[me] == HELD || status[me] == EXPIRED) -> 0 : CANCELLED)
    :: given == DONE && request != HOLD && request != CANCEL -> known[me] = CONFIRMED
    fi;
    known_at[me] = (request == CANCEL -> 0 : wanted)
}

/* The client is done. */
inline leave() {
    request = 0; wanted = 0; keyed = false; moved = false; stored[me] = 0;
    finished++;
    goto left
}

/* The request comes to one of two machines, where the clock is read, once. */
inline arrive() {
    if :: time = clock :: time = clock + AHEAD fi;
    printf("client %d asks: ", me); printm(request); printf(" at time %d, by a clock that shows %d\n", wanted, time);
    if
    :: request == BOOK || request == HOLD || (!keyed && request != CANCEL) -> goto optimistic
    :: else -> goto lock_first
    fi
}

/* Refuses the request if there is no room. */
inline require_room(own) {
    look(room, wanted, time, own, mistake != SWEEP_ALONE, mistake != HOLD_FORGOTTEN);
    if
    :: room
    :: else ->
        look(room, wanted, time, own, true, true);
        A_LAPSED_HOLD_BLOCKS_NOBODY = !room;
        assert(A_LAPSED_HOLD_BLOCKS_NOBODY);
        goto refuse
    fi
}

/* Answers, and the client goes on; or does not. */
inline give_answer() {
    release(me); loaded[me] = 0;
    if
    :: note_answer(answer);
        printf("client %d knows: ", me); printm(known[me]); printf("\n");
        answer = 0; unsure = false; time = 0;
        check();
        goto next
    :: MAY_FAIL; goto killed
    fi
}

/* Ends the transaction, or fails to: nothing of it is there then, or all of it and nobody knows. */
inline end_transaction() {
    if
    :: true
    :: MAY_FAIL; goto killed
    :: !unsure && faults > 0 -> faults--; unsure = true; release(me);
        printf("client %d: the connection breaks, nothing is committed\n", me);
        goto lock_first
    fi;
    d_step {
        if
        :: request == BOOK || request == CONFIRM -> status[me] = CONFIRMED; expires[me] = 0
        :: request == HOLD -> status[me] = HELD; expires[me] = time + HOLD_FOR
        :: request == CANCEL -> status[me] = CANCELLED; expires[me] = 0
        :: request == MOVE
        fi;
        at[me] = (request == CANCEL -> 0 : wanted);
        write_events(me, (request == CANCEL -> 0 : wanted + 1));
        untold[me] = untold[me] | bit(request);
        outbox[me] = outbox[me] | (mistake == OUTBOX_OUTSIDE -> 0 : bit(request));
        stored[me] = ((keyed && mistake != KEY_OUTSIDE) -> DONE : 0);
        bump();
        release(me);
        loaded[me] = 0;
        answer = DONE;
        printf("client %d: committed\n", me)
    };
    check();
    if
    :: mistake != KEY_OUTSIDE && mistake != OUTBOX_OUTSIDE -> give_answer()
    :: mistake == KEY_OUTSIDE || mistake == OUTBOX_OUTSIDE -> goto afterwards
    :: !unsure && faults > 0 -> faults--; unsure = true;
        printf("client %d: the connection breaks\n", me);
        goto lock_first
    fi
}

/* A client, and the workers that its requests come to. */
proctype Client(byte me) {
    mtype request, answer;
    byte wanted, time, first;
    bool keyed, unsure, moved;

next:  /* chooses a request by what is known of the booking, or leaves it at that */
    atomic {
        if
        :: request == 0 ->
            if :: request = BOOK :: request = HOLD fi;
            if :: clients < 3 || me == 0 -> keyed = true :: keyed = false fi;  /* of three, one: there are states enough */
            if :: wanted = 0 :: me > 0 -> wanted = 1 fi
        :: known[me] == HELD && request == HOLD ->
            request = CONFIRM;
            if :: clients < 3 || me == 0 -> keyed = true :: keyed = false fi
        :: whole && known[me] == CONFIRMED && !moved ->
            request = MOVE; moved = true; wanted = 1 - wanted;
            if :: keyed = true :: keyed = false fi
        :: whole && (known[me] == HELD || known[me] == CONFIRMED) -> request = CANCEL; keyed = false
        :: request != 0 -> leave()
        fi;
        known[me] = 0; known_at[me] = 0; stored[me] = 0;
        arrive()
    }

optimistic:  /* Optimistic: decides on what is loaded, and writes in one statement if that has not changed. */
    atomic {
        if
        :: loaded[me] = CURRENT
        :: MAY_FAIL; goto killed
        fi;
        if
        :: request == BOOK || request == HOLD -> require_room(MOST)
        :: (request == CONFIRM && status[me] == HELD && !lapsed(me, time)) ||
           (request == MOVE && status[me] == CONFIRMED) -> require_room(me)
        :: else -> goto lock_first
        fi
    }
    atomic {
        if
        :: mistake == UNCONDITIONAL_WRITE -> goto write
        :: mistake != UNCONDITIONAL_WRITE && lock[0] == 0 && lock[1] == 0 ->
            if
            :: loaded[me] == CURRENT && stored[me] == 0 -> end_transaction()
            :: loaded[me] == OLD || stored[me] != 0
            fi
        :: MAY_FAIL; goto killed
        fi
    }

lock_first:  /* Under lock: one transaction locks the calendars, decides on what is there now, and writes. */
    atomic {
        loaded[me] = 0;
        first = (mistake == LOCK_ORDER -> me % MEMBERS : 0);
        if
        :: mistake == NO_LOCK -> goto decide
        :: mistake != NO_LOCK && lock[first] == 0 -> lock[first] = me + 1
        :: MAY_FAIL; goto killed
        fi
    }
    atomic {
        if
        :: lock[1 - first] == 0 -> lock[1 - first] = me + 1
        :: MAY_FAIL; goto killed
        fi
    }

decide:
    atomic {
        first = 0;
        if
        :: stored[me] != 0 -> answer = stored[me]; give_answer()  /* that of an earlier request with this key */
        :: else
        fi;
        if
        :: request == CANCEL ->
            if
            :: status[me] == CANCELLED || status[me] == EXPIRED || lapsed(me, time) -> answer = DONE; give_answer()
            :: else
            fi
        :: request == CONFIRM && status[me] == CONFIRMED -> answer = DONE; give_answer()
        :: request == CONFIRM && status[me] == HELD && expires[me] > time && mistake == STALE_CLOCK
        :: unsure && (request == BOOK || request == HOLD) && event_of(me, 0) != 0 && mistake != OWN_FORGOTTEN ->
            answer = DONE; give_answer()
        :: else ->
            require_room(((request == BOOK || request == HOLD) -> MOST : me))
        fi
    }

write:  /* nothing is seen of a transaction before its commit, unless by mistake */
    atomic {
        if
        :: mistake == EVENTS_OUTSIDE && request != CANCEL -> event_of(me, 0) = wanted + 1; check()
        :: mistake == MOVED_IN_TWO && request == MOVE -> write_events(me, 0); bump(); check()
        :: mistake == ANSWERED_EARLY -> note_answer(DONE)
        :: else -> goto locked_commit
        fi
    }

locked_commit:
    atomic { end_transaction() }

afterwards:  /* what belongs to the transaction, but comes later by mistake */
    atomic {
        if
        :: outbox[me] = outbox[me] | bit(request);
            stored[me] = (keyed -> DONE : 0);
            give_answer()
        :: MAY_FAIL; goto killed
        fi
    }

refuse:
    atomic {
        answer = (stored[me] != 0 -> stored[me] : TAKEN);  /* that of an earlier request with this key */
        stored[me] = (keyed -> answer : 0);
        give_answer()
    }

killed:  /* the worker, or the connection to the client, who repeats what may be repeated */
    atomic {
        release(me); loaded[me] = 0; answer = 0; unsure = false; first = 0;
        printf("client %d: killed\n", me);
        if
        :: keyed || request == CANCEL -> arrive()
        :: else -> leave()
        fi
    }

left:
    skip
}
