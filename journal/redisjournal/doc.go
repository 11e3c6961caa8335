// Package redisjournal is a [journal.Journal] in Redis, for workers on many
// machines. It needs Redis 6.2 or newer, as a single server, behind sentinels, or
// as a cluster.
//
// # One slot
//
// All keys of a journal begin with its prefix in braces, so they share one slot
// of a cluster, and every change is one Lua script: nobody sees half of it, and a
// script that refuses has changed nothing. Before its first write a script looks
// at all it may refuse for, also at the types of the keys it is about to write.
// Redis takes nothing back, though: where somebody else has put something that is
// no number in the place of a counter within a hash, a script fails on it with
// what it wrote before. Leave the keys to the journal alone.
//
// One slot is a decision: what the journal promises of all accounts at
// once (a kill of all is checked within the write of an intent, a reference is
// used once in all accounts, an event has one run) would need several steps, with
// states in between, if each account had a slot of its own. A run writes a few
// dozen records, a server takes tens of thousands a second. To spread accounts over
// the nodes of a cluster, give groups of accounts journals with different
// prefixes; then a kill of all, like the uniqueness of references, is that of one
// journal, and must be given to each.
//
// While a cluster moves the slot from node to node, it has some keys here and some
// there. Until the move is over all calls fail with a transient error.
//
// # Lost replies
//
// A call whose reply was lost is repeated, up to five times within ten seconds.
// The repetition gets the first answer and records nothing twice: by the state
// itself for intents, settlements and results, by a token for claims, steps and
// what operators say. Nobody else must repeat scripts: a client that sends commands
// twice by itself is refused.
//
// # Loss of the tail
//
// A failover, and a crash of a server that does not write each command to its
// disk at once, can lose what was acknowledged last. So the journal notes at each
// claim which run of a server granted it. If another one answers, every new write
// under that grant is refused with [ErrServerChanged], which is also
// [journal.ErrFenced]: the holder must stop, claim again, and compare with the
// broker before its next order. A write that the new server has already is
// repeated with success: all that came before it is there, too. A fence that the
// new server never granted is refused, and a claim for the next fence leaps over
// those that may be lost. Where INFO is forbidden a change is not noticed.
//
// A queue that lost its tail, too, may give the same delivery, with the same fence,
// to a second worker. Both have the same [journal.Grant] then. So an account also
// notes which Journal value claimed it last. The claim of the second worker takes
// the account over, and all that the first one writes is [journal.ErrFenced]. For
// that, use a grant with the Journal that gave it. Two workers that share a Journal
// are told apart by its memory: it knows the newest fence it was given for each
// account, and where the server has lost that, a claim must have a higher one. Only
// if the queue lost its tail and the journal did not, they are one holder to it.
//
// Orders of the lost tail are the broker's word against an empty journal. One that
// still works carries our mark: the engine cancels it and reports it as a finding. One
// that ended is not written into the journal after the fact: nobody knows what it was
// for, and a record that was not there before the order was sent would prove nothing.
// What it did shows in the positions, which the next run reads and plans from. If it
// shows as a difference that the journal does not explain, the account is blocked
// until an operator has looked. That is on purpose: to trade on after orders of which
// no record is left is what a journal is there to prevent.
//
// While a failover is under way an old master may go on for a moment and accept
// what the new one will never know; set min-replicas-to-write to make it stop, or
// Options.Replicas. What no journal can know, the broker does: an account that was
// claimed again is compared with it.
//
// [Options.Replicas] and [Options.Fsync] make the loss less likely: an intent is
// then accepted only once so many replicas, or disks, have it.
//
// # Loss of all
//
// A server that was flushed, or restarted without its data, knows no fence, no kill
// and no open intent. So the keys have an epoch, a random word, written when the
// journal is opened for the first time. A Journal remembers it, and all its calls
// fail with [ErrLost] once the server has none or another one; nothing is done.
// That holds also after another process has opened a new journal there: every script
// compares the epoch first. What was empty before the Journal was opened it cannot
// tell from a new journal.
//
// # Full servers
//
// On a server that has used up its memory, what stops an account and what ends
// something still works: [Journal.Kill], [Journal.Block], [Journal.Settle] and
// [Journal.Finish]. Everything else that writes is refused until there is room.
// Leave the server some memory above maxmemory for it.
//
// # What is stored
//
// With the prefix P, schema 1. Records have the form of [journal.EncodeRecord].
//
//	P:meta            HASH   schema, epoch, seq (counts runs, intents and ends)
//	P:all             HASH   kill, resumed: the switch of all accounts
//	P:refs            HASH   reference → its run; empty once that was dropped
//	P:runs            HASH   run → its account; empty once it was dropped
//	P:begun           ZSET   runs that are kept, by their begin
//	P:acct:A          HASH   fence, holder, by (the Journal that claimed it),
//	                         srv (run_id of the server), block, unblock, kill,
//	                         resumed, memo, memorun, touched
//	P:open:A          ZSET   references that stand open, oldest first
//	P:unknown:A       ZSET   those of them that are settled as unknown
//	P:unfinished:A    ZSET   runs, by their begin
//	P:finished:A      ZSET   runs that are kept, by their end
//	P:begun:A         ZSET   runs that are kept, by their begin
//	P:approvals:A     ZSET   run, space, record
//	P:run:R           HASH   account, event, command, number, fence, started,
//	                         steps, ended, outcome, u (unknown outcomes),
//	                         s:NAME = place, record of a step
//	                         i:REF = place, record of an intent
//	                         z:REF = version, unknown, record of its settlement
//	                         w:REF = 1 if it was answered for
//	P:ops:R           SET    tokens of the steps of an unfinished run
//	P:op:TOKEN        STRING what a token was answered, for an hour
//
// A journal of a newer schema is refused as [journal.ErrNewerSchema], a key that
// holds something else as [ErrForeign]; nothing is changed.
//
// # Retention
//
// Of the finished runs of an account the newest are kept ([Options.KeepRuns]), and
// all with an unknown outcome. Of a dropped run remain its name and its
// references. Nothing else is ever dropped: not fences, blocks, kills, memos, open
// intents or unfinished runs. No key but the tokens expires; so the server must
// not evict keys (maxmemory-policy noeviction).
package redisjournal
