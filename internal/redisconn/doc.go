// Package redisconn is the layer between Redis and the packages that keep money
// safe in it: it decides how scripts are sent, what an error means, and whether
// the server is one that may be trusted with the data.
//
// # One script, one step
//
// Every change is one Lua script ([Script], [Conn.Run]), all of whose keys have
// the same hash tag, so that it runs on one slot of a cluster. It is sent as
// EVALSHA, and as EVAL to a server that does not know it yet.
//
// A [Conn] has no hidden retries: [Harden] turns those of the client library
// off, and [New] refuses a client that has them. A reply can still be lost, and
// a cluster client follows redirections: so a script must carry a token and give
// its first answer to a repetition. Around such a script, and no other, put
// [Backoff].
//
// # Batches
//
// Calls that are made at the same time travel together: while one batch is on
// its way, the calls that come wait for the next, which leaves when the batch is
// back and whoever can go on has had its turn. A lonely call does not wait. So
// many workers cost few round trips. Calls in one batch are independent of each
// other. A [Call] that is Patient lets one such batch go before it.
//
// A caller whose context ends returns at once, also while the server is silent.
// Its call may then have been executed.
//
// # Errors
//
// Errors that come from the server or the connection are an [*Error]: it has a
// class for package retry, matches one of the sentinels of this package, and
// never contains a secret.
//
// # Failover
//
// Redis may lose acknowledged writes when a replica takes over. [Conn.Watch]
// notices that another server answers, by its run_id; whoever relies on what was
// written before must then read it again. A [Barrier] makes the loss less
// likely: a call with one succeeds only when enough replicas or disks have it.
//
// # Logging
//
// The client library writes to the standard error of the process by default.
// [Open] and [New] silence it, for the whole process; call redis.SetLogger
// afterwards to hear it.
package redisconn
