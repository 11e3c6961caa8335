package redisjournal

import (
	"context"
	"crypto/rand"
	"fmt"
	"strconv"
	"strings"

	"github.com/evenkeel/evenkeel/retry"
)

// opened returns the epoch of the keys, and opens the journal if that was not
// done before.
func (j *Journal) opened(ctx context.Context, what op) (epoch string, err error) {
	if epoch := j.known(); epoch != "" {
		return epoch, nil
	}
	if _, err := j.open(ctx, what); err != nil {
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
// remembered before. It returns what the server tells of itself.
func (j *Journal) open(ctx context.Context, what op) (reply, error) {
	r, err := j.askAs(ctx, what, &scripts.open, nil, j.known(), rand.Text())
	if err != nil {
		return nil, err
	}
	epoch := r.text(1)
	if epoch == "" || strings.ContainsAny(epoch, " \t\r\n\v\f") {
		return nil, fmt.Errorf("redisjournal: %s: %w: the epoch is %.40q", what, ErrDamaged, epoch)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.epoch == "" {
		j.epoch = epoch
	}
	return r, nil
}

// fsyncFault returns an error if a server is known to be unable to wait for its
// disk. What it does not tell is "".
func fsyncFault(version, appendOnly string) error {
	var faults []string
	if version != "" && olderThan(version, 7, 2) {
		faults = append(faults, fmt.Sprintf("the server is redis %.40s: update it", version))
	}
	if appendOnly == "0" {
		faults = append(faults, "the server has no append-only file: set appendonly yes")
	}
	if len(faults) == 0 {
		return nil
	}
	err := fmt.Errorf("redis 7.2 with an append-only file is needed for Options.Fsync: %s", strings.Join(faults, ", and "))
	return retry.As(err, retry.Permanent)
}

// olderThan compares versions. What is no version is not older.
func olderThan(version string, major, minor int) bool {
	first, rest, _ := strings.Cut(version, ".")
	second, _, _ := strings.Cut(rest, ".")
	a, err1 := strconv.Atoi(first)
	b, err2 := strconv.Atoi(second)
	return err1 == nil && err2 == nil && (a < major || a == major && b < minor)
}
