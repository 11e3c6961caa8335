// Package interop checks the simulated gateway with clients that are not ours:
// ib_async and ibapi for Python, and @stoqey/ib for Node.
//
// Its tests install the clients, in the versions that clients/python/requirements.txt
// and clients/node/package-lock.json pin, into the user's cache directory, and
// let each walk through a gateway: accounts, positions, contracts, prices,
// bars, a preview, orders that fill, change, end and are refused, reports, and
// a second connection. What the client saw and what the gateway's ledger says
// must both be right. One version or more is tried of each dialect that the
// client knows; -every-version tries all.
//
// The tests are skipped in short mode, and where Python, Node or the package
// registry is missing. With EVENKEEL_REQUIRE_INTEROP=1 they fail instead.
package interop
