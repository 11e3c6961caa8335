// Package memqueue is the event queue in memory: for tests, backtests and
// single processes that can ask for their work again after a restart. It keeps
// the whole contract of package queue as long as the process lives; nothing
// survives its end.
//
// Order. Among the events that may be delivered, the one that has been due
// longest goes first. Receivers are served in the order in which they came.
//
// Time. Options.Now says what time it is for NotBefore, retries, deferrals and
// the history. Leases run on the process's clock, whatever Now says, because
// their holders measure them with it. Waiting is done with package time; a
// waiting receiver looks at Now again at least once a minute. If Now went back, by
// more than a second, a retry waits for its delay once more at most; what waits for
// an instant goes by Now.
//
// Memory. The queue starts no goroutine. It keeps at most Options.MaxEvents
// events that did not end, the newest Options.KeepDone that did, and for each
// account it ever saw its fence. A Key or an ID is known for as long as its
// event is kept, and so are the newest nine settlements of the event.
package memqueue
