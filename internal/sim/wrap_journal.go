package sim

import (
	"context"
	"time"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/journal"
)

// simJournal is the journal as one process reaches it. The reading of lists of
// runs goes straight through.
type simJournal struct {
	journal.Journal
	p *process
}

// write makes one write, unless a fault prevents it, and lies about it if a
// fault says so. f must tell the checker what was accepted.
func (j simJournal) write(ctx context.Context, what string, account broker.AccountID, f func() error) (call, error) {
	w := j.p.w
	c := j.p.enter(ctx, what, account)
	if w.out(journalDown) || w.strikes(c.a, JournalFails) {
		return c, &lie{"not written"}
	}
	err := f()
	if err == nil && w.strikes(c.a, JournalLost) {
		err = &lie{"written, but the answer is lost"}
	}
	return c, err
}

// Begin implements [journal.Journal].
func (j simJournal) Begin(ctx context.Context, claim journal.Claim) (journal.Begun, error) {
	var begun journal.Begun
	c, err := j.write(ctx, "begin "+claim.Event+" "+claim.Command, claim.Account, func() (err error) {
		if begun, err = j.Journal.Begin(ctx, claim); err == nil {
			j.p.w.check.begun(&claim, &begun)
		}
		return err
	})
	j.p.learn(ctx, j.p.who(ctx))
	c.leave(ctx, err)
	if err != nil {
		return journal.Begun{}, err
	}
	return begun, nil
}

// Checkpoint implements [journal.Journal].
func (j simJournal) Checkpoint(ctx context.Context, grant journal.Grant, step journal.Step) error {
	c, err := j.write(ctx, "checkpoint "+step.Name, grant.Account, func() error {
		err := j.Journal.Checkpoint(ctx, grant, step)
		if err == nil {
			j.p.w.check.checkpointed(j.p.who(ctx), &grant, &step)
		}
		return err
	})
	c.leave(ctx, err)
	return err
}

// Intend implements [journal.Journal]. The way back from it is where a crash or
// a pause hurts most.
func (j simJournal) Intend(ctx context.Context, grant journal.Grant, intents ...journal.Intent) error {
	what := "intend"
	for i := range intents {
		what += " " + string(intents[i].Order.ID)
	}
	c, err := j.write(ctx, what, grant.Account, func() error {
		err := j.Journal.Intend(ctx, grant, intents...)
		if err == nil {
			j.p.w.check.intended(j.p.who(ctx), &grant, intents)
		}
		return err
	})
	if j.p.mortal && j.p.w.strikes(c.a, CrashIntent) {
		c.done(err)
		j.p.w.note(c.a, "CRASH after "+what, string(grant.Account), nil)
		j.p.die()
	}
	if j.p.mortal && j.p.w.strikes(c.a, PauseIntent) {
		j.p.w.note(c.a, "PAUSE after "+what, string(grant.Account), nil)
		j.p.pauseFor(c.a.between(5*time.Second, 90*time.Second))
	}
	c.leave(ctx, err)
	return err
}

// Settle implements [journal.Journal].
func (j simJournal) Settle(ctx context.Context, grant journal.Grant, settlements ...journal.Settlement) error {
	what := "outcome"
	for i := range settlements {
		s := &settlements[i]
		what += " " + string(s.Ref) + "=" + string(s.Outcome) + ":" + s.Filled.String()
	}
	c, err := j.write(ctx, what, grant.Account, func() error {
		err := j.Journal.Settle(ctx, grant, settlements...)
		if err == nil {
			j.p.w.check.settled(&grant, settlements)
		}
		return err
	})
	c.leave(ctx, err)
	return err
}

// Finish implements [journal.Journal].
func (j simJournal) Finish(ctx context.Context, grant journal.Grant, outcome journal.Outcome) error {
	c, err := j.write(ctx, "finish "+string(grant.Run)+" "+outcome.Name, grant.Account, func() error {
		err := j.Journal.Finish(ctx, grant, outcome)
		if err == nil {
			j.p.w.check.finished(&grant, &outcome)
		}
		return err
	})
	c.leave(ctx, err)
	return err
}

// Block implements [journal.Journal].
func (j simJournal) Block(ctx context.Context, block journal.Block) error {
	c, err := j.write(ctx, "block", block.Account, func() error {
		err := j.Journal.Block(ctx, block)
		if err == nil {
			j.p.w.check.stopped(block.Account, true)
		}
		return err
	})
	c.leave(ctx, err)
	return err
}

// Unblock implements [journal.Journal].
func (j simJournal) Unblock(ctx context.Context, unblock journal.Unblock) error {
	c, err := j.write(ctx, "unblock", unblock.Account, func() error {
		err := j.Journal.Unblock(ctx, unblock)
		if err == nil {
			j.p.w.check.stopped(unblock.Account, false)
		}
		return err
	})
	c.leave(ctx, err)
	return err
}

// Kill implements [journal.Journal].
func (j simJournal) Kill(ctx context.Context, kill journal.Kill) error {
	c, err := j.write(ctx, "kill", kill.Account, func() error {
		err := j.Journal.Kill(ctx, kill)
		if err == nil {
			j.p.w.check.killed(kill.Account, true)
		}
		return err
	})
	c.leave(ctx, err)
	return err
}

// Resume implements [journal.Journal].
func (j simJournal) Resume(ctx context.Context, kill journal.Kill) error {
	c, err := j.write(ctx, "resume", kill.Account, func() error {
		err := j.Journal.Resume(ctx, kill)
		if err == nil {
			j.p.w.check.killed(kill.Account, false)
		}
		return err
	})
	c.leave(ctx, err)
	return err
}

// Approve implements [journal.Journal].
func (j simJournal) Approve(ctx context.Context, approval journal.Approval) error {
	c, err := j.write(ctx, "approve "+string(approval.Run), approval.Account, func() error {
		err := j.Journal.Approve(ctx, approval)
		if err == nil {
			j.p.w.check.approved(approval.Run)
		}
		return err
	})
	c.leave(ctx, err)
	return err
}

// read makes one read, unless a fault prevents it.
func (j simJournal) read(ctx context.Context, what string, account broker.AccountID, f func() error) error {
	c := j.p.enter(ctx, what, account)
	var err error
	if j.p.w.out(journalDown) || j.p.w.strikes(c.a, JournalUnread) {
		err = &lie{"not read"}
	} else {
		err = f()
	}
	c.leave(ctx, err)
	return err
}

// Account implements [journal.Journal].
func (j simJournal) Account(ctx context.Context, account broker.AccountID) (standing journal.Standing, err error) {
	err = j.read(ctx, "standing", account, func() error {
		standing, err = j.Journal.Account(ctx, account)
		return err
	})
	return standing, err
}

// Run implements [journal.Journal].
func (j simJournal) Run(ctx context.Context, id journal.RunID) (run journal.Run, err error) {
	err = j.read(ctx, "run "+string(id), "", func() error {
		run, err = j.Journal.Run(ctx, id)
		return err
	})
	return run, err
}
