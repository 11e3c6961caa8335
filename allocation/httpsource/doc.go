// Package httpsource reads allocations from a JSON API over HTTP.
//
// # Protocol
//
// A strategy's targets are what GET {BaseURL}/{strategy}/allocations answers,
// with the API key in a header. The strategy is escaped as one segment of the
// path. The answer is
//
//	{"status": "success",
//	 "data": {"last_rebalance_on": "2026-03-02",
//	          "allocations": [{"symbol": "AAPL", "allocation": 0.6},
//	                          {"symbol": "MSFT", "allocation": 0.4}]}}
//
// status must be "success". last_rebalance_on is optional: a date, or a time in
// RFC 3339; it becomes AsOf. An allocation is a JSON number, or one in a string;
// it is read exactly, as a decimal. Other fields are ignored. The version is
// [allocation.Hash] of the targets. The account is not sent.
//
// # Errors
//
//   - No connection, no whole answer within Timeout, the statuses 408, 425, 429
//     and 5xx: transient. When the server says in Retry-After when to come back
//     (in seconds or as a date), the error carries that time; if it is more than
//     5 minutes away, its kind is wait.
//   - Status 404: permanent, matches [allocation.ErrUnknownStrategy]. All other
//     statuses: permanent; 401 and 403 name the key, a redirect its host.
//   - A body that is not JSON (cut off, or a page of HTML): asked for once more
//     at once, within the same Timeout. If it is no JSON again, and with JSON
//     that is not an allocation, an empty list among it: permanent, matches
//     [allocation.ErrInvalid].
//
// Apart from that one case the source never asks twice: retries belong to the
// policy around it, such as retry.AllocationBackoff.
//
// # Safety
//
// A body of more than 1 MiB, unpacked, is refused. Redirects are followed only
// to the same scheme, host and port. The API key is in no error and no URL, also
// if the server sends it back; and a [Secret] does not print.
package httpsource
