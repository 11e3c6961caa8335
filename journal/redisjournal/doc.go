// Package redisjournal is a [journal.Journal] in Redis, for workers on many
// machines. It needs Redis 6.2 or newer, as a single server, behind sentinels, or
// as a cluster.
//
// # One slot
//
// All keys of a journal begin with its prefix in braces, so they share one slot
// of a cluster, and every call is one Lua script that takes effect as a whole or
// not at all. That is a decision: what the journal promises of all accounts at
// once (a kill of all is checked within the write of an intent, a reference is
// used once in all accounts, an event has one run) would need several steps, with
// states in between, if each account had a slot of its own. A run writes a few
// dozen records, a server takes tens of thousands a second. To spread accounts over
// the nodes of a cluster, give groups of accounts journals with different
// prefixes; then a kill of all, like the uniqueness of references, is that of one
// journal, and must be given to each.
//
// # Lost replies
//
// A call whose reply was lost is repeated, up to five times within ten seconds.
// The repetition gets the first answer and records nothing twice: by the state
// itself for intents, settlements and results, by a token for claims of the next
// fence, steps and what operators say. Nobody else must repeat scripts: a client
// that sends commands twice by itself is refused.
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
// While a failover is under way an old master may go on for a moment and accept
// what the new one will never know; set min-replicas-to-write to make it stop, or
// Options.Replicas. What no journal can know, the broker does: an account that was
// claimed again is compared with it.
//
// [Options.Replicas] and [Options.Fsync] make the loss less likely: an intent is
// then accepted only once so many replicas, or disks, have it.
//
// # What is stored
//
// With the prefix P, schema 1. Records have the form of [journal.EncodeRecord].
//
//	P:meta            HASH   schema, seq (counts runs, intents and ends)
//	P:all             HASH   kill, resumed: the switch of all accounts
//	P:refs            HASH   reference → its run; empty once that was dropped
//	P:runs            HASH   run → its account; empty once it was dropped
//	P:begun           ZSET   runs that are kept, by their begin
//	P:acct:A          HASH   fence, holder, srv (run_id of the server), block,
//	                         unblock, kill, resumed, memo, memorun, touched
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
