package redisjournal

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
)

// opened returns the epoch of the keys, and opens the journal if that was not
// done before.
func (j *Journal) opened(ctx context.Context, what op) (epoch string, err error) {
	if epoch := j.known(); epoch != "" {
		return epoch, nil
	}
	if err := j.open(ctx, what); err != nil {
		return "", err
	}
	return j.known(), nil
}

// known returns the epoch that is remembered, "" if none is.
func (j *Journal) known() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.epoch
}

// open gives the keys an epoch if they have none, and remembers it if none was
// remembered before.
func (j *Journal) open(ctx context.Context, what op) error {
	r, err := j.askAs(ctx, what, &scripts.open, nil, j.known(), rand.Text())
	if err != nil {
		return err
	}
	epoch := r.text(1)
	if epoch == "" || strings.ContainsAny(epoch, " \t\r\n\v\f") {
		return fmt.Errorf("redisjournal: %s: %w: the epoch is %.40q", what, ErrDamaged, epoch)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.epoch == "" {
		j.epoch = epoch
	}
	return nil
}
