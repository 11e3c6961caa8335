// Package notify tells people how runs ended: through ntfy or a webhook, by way
// of an outbox on the disk. A notifier that is slow, dead or wrong never changes
// a run and never holds one up: what it is to be told waits in the outbox, and
// is told later, at least once. In the last moment before a crash, the few
// messages that were on their way to the outbox can be lost.
package notify
