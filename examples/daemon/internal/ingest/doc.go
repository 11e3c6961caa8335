// Package ingest brings events into the queue: by signed webhooks, by schedules,
// from files in a folder and from a Redis stream. All of them pass the [Gate],
// which lets in known accounts and harmless commands only: what needs an
// operator's word (approve, unblock) never comes from here. Each source gives
// its events a key, so that what arrives twice is done once.
package ingest
