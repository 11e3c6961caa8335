// Package ops is what an operator can do, independent of how he asks: by a
// sub-command, over HTTP, or on the page. [Verbs] is the contract, [Local] does
// it on open stores, package client on a daemon that runs.
package ops
