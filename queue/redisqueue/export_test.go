package redisqueue

import "github.com/evenkeel/evenkeel/queue"

// ReadEntry is readEntry for tests.
func ReadEntry(stored, happened, now string) (queue.Entry, error) {
	return readEntry(stored, happened, now, 50)
}

// ReadItem is readItem for tests.
func ReadItem(text string) (queue.HistoryItem, error) { return readItem(text) }
