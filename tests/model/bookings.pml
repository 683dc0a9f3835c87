/*
 * The protocol of bookings: book, hold, lapse, confirm, move, cancel, and the callbacks that report it.
 *
 * It is the protocol of resolvers/bookings.py, db/bookings.py, db/idempotency.py, db/callbacks.py and
 * server/callbacks/delivery.py, without what a database does for us: a transaction is atomic, and a row lock is
 * exclusive. There are two calendars, and two times at which a meeting can take place; two meetings overlap if
 * they are at the same time. Each client makes one booking, of both calendars. Workers are killed between any
 * two steps, connections break at a commit, and a request may come to a machine whose clock is ahead. A client
 * that has given an idempotency key repeats a request that was not answered.
 *
 * spin tries every order of these steps, and checks the invariants of state.pml. A deadlock is found as an
 * invalid end state.
 */

#include "state.pml"
#include "requests.pml"
#include "background.pml"

init {
    atomic {
        c_code {
            now.mistake = atoi(getenv("MISTAKE"));
            now.clients = atoi(getenv("CLIENTS"));
            now.capacity = atoi(getenv("CAPACITY"));
            now.whole = atoi(getenv("WHOLE"));
            now.faults = atoi(getenv("FAULTS"));
            now.last = atoi(getenv("LAST"));
        };
        run Client(0);
        run Client(1);
        if
        :: clients == 3 -> run Client(2)
        :: else
        fi
    }
}
