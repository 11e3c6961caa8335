// Package web is the daemon over HTTP: health for machines, metrics, a JSON API
// for the verbs of package ops, and the operations page.
//
// # Who may do what
//
// /livez, /readyz and /metrics are open: they tell neither account nor amount.
// Everything else needs the token: as a bearer token on the API, or by a login
// on the page, which then has a cookie. The API takes no cookie, so no page of
// somebody else can use it. A form of the page carries a token of its session
// besides, and requests of other origins are refused. Requests to a host name
// that is not the daemon's are refused before anything else, which stops names
// that are made to point here.
//
// All that comes from outside (reasons of brokers, payloads, symbols) goes
// through html/template and is never taken for HTML; the page allows no script
// but its own.
package web
