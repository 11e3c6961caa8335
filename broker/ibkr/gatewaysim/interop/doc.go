// Package interop checks the simulated gateway with clients that are not ours:
//
//	client       package             server versions that it knows
//	ib_async     PyPI ib_async       to 178, all text
//	ibapi        PyPI ibapi-latest   to 226, protobuf from 201 on
//	@stoqey/ib   npm @stoqey/ib      to 193, all text
//
// (ibapi is the vendor's own. The package of that name on PyPI knows nothing
// newer than version 157, which is older than the simulator. The clients have
// licences of their own; they are installed for the test and no part of the
// module.)
//
// The tests install the clients, in the versions that
// clients/python/requirements.txt and clients/node/package-lock.json pin, into
// the folder evenkeel-interop of the user's cache directory, and let each walk
// through a gateway: accounts, positions, contracts, prices, bars, a preview,
// orders that fill, change, end, wait to be transmitted and are refused,
// reports, and a second connection. What the client saw, what it complains of
// and what the gateway's ledger says must all be right. The flag -every-version
// tries all versions instead of a few.
//
// The tests are skipped in short mode, and where Python, Node or the package
// registry is missing. With EVENKEEL_REQUIRE_INTEROP=1 they fail instead.
package interop
