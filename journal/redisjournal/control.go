package redisjournal

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/journal"
)

// Block implements [journal.Control].
func (j *Journal) Block(ctx context.Context, block journal.Block) error {
	what := of("block", block.Account)
	if err := cmp.Or(block.Check(), j.limit(what, block.Evidence)); err != nil {
		return err
	}
	return j.tell(ctx, what, &scripts.block, journal.Record{Block: &block}, string(block.Account))
}

// Unblock implements [journal.Control].
func (j *Journal) Unblock(ctx context.Context, unblock journal.Unblock) error {
	what := of("unblock", unblock.Account)
	if err := cmp.Or(unblock.Check(), j.limit(what, unblock.Evidence)); err != nil {
		return err
	}
	ending := ""
	if !unblock.Block.IsZero() {
		ending = endOfBlock(unblock.Block)
	}
	more := []any{ending}
	for _, ref := range unblock.Refs {
		more = append(more, string(ref))
	}
	return j.tell(ctx, what, &scripts.unblock, journal.Record{Unblock: &unblock}, string(unblock.Account), more...)
}

// endOfBlock is how the record of a block of that time ends: the time is the last
// of its fields.
func endOfBlock(t time.Time) string {
	return `"time":"` + t.UTC().Format(time.RFC3339Nano) + `"}}`
}

// Kill implements [journal.Control].
func (j *Journal) Kill(ctx context.Context, kill journal.Kill) error {
	if err := kill.Check(); err != nil {
		return err
	}
	return j.tell(ctx, of("kill", kill.Account), &scripts.kill, journal.Record{Kill: &kill}, string(kill.Account), "kill")
}

// Resume implements [journal.Control].
func (j *Journal) Resume(ctx context.Context, kill journal.Kill) error {
	if err := kill.Check(); err != nil {
		return err
	}
	return j.tell(ctx, of("resume", kill.Account), &scripts.kill, journal.Record{Resume: &kill}, string(kill.Account), "resume")
}

// Approve implements [journal.Control].
func (j *Journal) Approve(ctx context.Context, approval journal.Approval) error {
	what := of("approve", approval.Account)
	if err := approval.Check(); err != nil {
		return err
	}
	record, err := journal.EncodeRecord(journal.Record{Approval: &approval})
	if err != nil {
		return fmt.Errorf("redisjournal: %s: %w", what, err)
	}
	_, err = j.ask(ctx, what, &scripts.approve, nil, string(approval.Account), string(approval.Run), record, rand.Text(), maxApprovals)
	return err
}

// tell records what was said about an account.
func (j *Journal) tell(ctx context.Context, what op, s *script, rec journal.Record, account string, more ...any) error {
	record, err := journal.EncodeRecord(rec)
	if err != nil {
		return fmt.Errorf("redisjournal: %s: %w", what, err)
	}
	_, err = j.ask(ctx, what, s, nil, append([]any{account, record, rand.Text()}, more...)...)
	return err
}
