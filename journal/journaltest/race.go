package journaltest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/journal"
)

// raceCases are about several callers at once.
func raceCases() []testCase {
	return []testCase{
		{name: "racing claims get distinct fences, the newest holder alone may write", do: racingClaims},
		{name: "a takeover sees all that the earlier holder wrote", do: racingTakeover},
		{name: "no new intent is accepted after a kill returned", do: func(e *env) {
			e.racingStop(journal.ErrKilled, func(ctx context.Context) error { return e.Kill(ctx, killOf(acct, 4)) })
		}},
		{name: "no new intent is accepted after a kill of all returned", do: func(e *env) {
			e.racingStop(journal.ErrKilled, func(ctx context.Context) error { return e.Kill(ctx, killOf("", 4)) })
		}},
		{name: "no new intent is accepted after a block returned", do: func(e *env) {
			e.racingStop(journal.ErrBlocked, func(ctx context.Context) error { return e.Block(ctx, blockOf("found 5")) })
		}},
		{name: "one of several racing for a reference takes it", do: racingRef},
		{name: "one of several racing results is kept", do: racingFinish},
		{name: "one of several racing settlements is kept", do: racingSettle},
		{name: "accounts at work at once do not disturb each other", do: racingAccounts},
	}
}

func racingClaims(e *env) {
	const n = 8
	var begun [n]journal.Begun
	e.atOnce(n, func(i int) error {
		var err error
		begun[i], err = e.Begin(e.Context(), claimOf(acct, fmt.Sprintf("e%d", i)))
		return err
	})
	fences := make([]uint64, n)
	for i := range begun {
		fences[i] = begun[i].Grant.Fence
		require.Len(e, begun[i].Standing.Unfinished, int(fences[i])-1, "a claim sees the runs of lower fences")
	}
	slices.Sort(fences)
	require.Equal(e, []uint64{1, 2, 3, 4, 5, 6, 7, 8}, fences)
	require.Equal(e, uint64(n), e.standing(acct).Fence)
	for i := range begun {
		err := e.Checkpoint(e.Context(), begun[i].Grant, stepOf("plan"))
		if begun[i].Grant.Fence == n {
			require.NoError(e, err)
		} else {
			require.ErrorIs(e, err, journal.ErrFenced)
		}
	}
}

// racingTakeover has one holder write without a pause while another takes over.
func racingTakeover(e *env) {
	old := e.begin("e1")
	var steps, accepted []string
	var fault error
	ready := make(chan struct{})
	var over atomic.Bool
	var holder sync.WaitGroup
	holder.Go(func() {
		var once sync.Once
		defer once.Do(func() { close(ready) })
		for n, more := 0, 5; more > 0 && fault == nil; n++ {
			if n == 5 {
				once.Do(func() { close(ready) })
			}
			if over.Load() {
				more--
			}
			name := fmt.Sprintf("r%d", n)
			if n%16 == 0 {
				if fault = e.Checkpoint(e.Context(), old, stepOf(name)); fault == nil {
					steps = append(steps, name)
				}
				continue
			}
			if fault = e.Intend(e.Context(), old, intentOf(old, name)); fault == nil {
				accepted = append(accepted, name)
			}
			runtime.Gosched() // let whoever takes over have a turn
		}
	})
	<-ready
	b, err := e.Begin(e.Context(), claimOf(acct, "e1"))
	over.Store(true)
	holder.Wait()
	require.NoError(e, err)
	require.ErrorIs(e, fault, journal.ErrFenced, "how the earlier holder ended")
	now := e.run("e1/1")
	require.Equal(e, accepted, refs(b.Run.Intents), "intents that the takeover saw, against those that were accepted")
	require.Equal(e, accepted, refs(b.Standing.Open), "intents that the takeover saw open, against those that were accepted")
	require.Equal(e, steps, names(b.Run.Steps), "steps that the takeover saw, against those that were accepted")
	require.Equal(e, accepted, refs(now.Intents), "intents that are recorded, against those that were accepted")
	require.Equal(e, steps, names(now.Steps), "steps that are recorded, against those that were accepted")
}

// racingStop has workers record intents without a pause while they are stopped.
func (e *env) racingStop(why error, stop func(context.Context) error) {
	const workers = 3
	g := e.begin("e1")
	var accepted [workers][]string
	var faults [workers]error
	var over atomic.Bool
	var ready, done sync.WaitGroup
	for w := range workers {
		ready.Add(1)
		done.Go(func() {
			for n, more := 0, 5; more > 0; n++ {
				if n == 3 {
					ready.Done()
				}
				if over.Load() {
					more--
				}
				name := fmt.Sprintf("r%d.%d", w, n)
				switch err := e.Intend(e.Context(), g, intentOf(g, name)); {
				case err == nil:
					accepted[w] = append(accepted[w], name)
				case !errors.Is(err, why):
					faults[w] = err
				}
				runtime.Gosched() // let whoever stops them have a turn
			}
		})
	}
	ready.Wait()
	err := stop(e.Context())
	atStop, fault := e.Account(e.Context(), acct)
	over.Store(true)
	late := e.Intend(e.Context(), g, intentOf(g, "late"))
	done.Wait()
	require.NoError(e, errors.Join(err, fault, errors.Join(faults[:]...)))
	require.ErrorIs(e, late, why, "an intent after the stop")
	want := slices.Sorted(slices.Values(slices.Concat(accepted[:]...)))
	require.Equal(e, want, slices.Sorted(slices.Values(refs(atStop.Open))), "intents that stood open when the stop had returned, against those that were accepted")
	require.Equal(e, want, slices.Sorted(slices.Values(refs(e.standing(acct).Open))), "intents that stand open, against those that were accepted")
}

func racingRef(e *env) {
	const n = 6
	var grants [n]journal.Grant
	for i := range grants {
		grants[i] = e.claim(claimOf(broker.AccountID(fmt.Sprintf("A%d", i)), fmt.Sprintf("e%d", i))).Grant
	}
	for round := range 5 {
		ref := fmt.Sprintf("r%d", round)
		var results [n]error
		e.atOnce(n, func(i int) error {
			results[i] = e.Intend(e.Context(), grants[i], intentOf(grants[i], ref))
			return nil
		})
		winners := 0
		for i, err := range results {
			if err == nil {
				winners++
				require.Contains(e, refs(e.standing(grants[i].Account).Open), ref)
				continue
			}
			require.ErrorIs(e, err, journal.ErrRefTaken)
			require.NotContains(e, refs(e.standing(grants[i].Account).Open), ref)
		}
		require.Equal(e, 1, winners, "one takes the reference")
	}
}

func racingFinish(e *env) {
	g := e.begin("e1")
	const n = 6
	var seen [n]string
	e.atOnce(n, func(i int) error {
		if err := e.Finish(e.Context(), g, ending(fmt.Sprintf("end%d", i))); err != nil {
			return err
		}
		r, err := e.Journal.Run(e.Context(), "e1/1")
		if err == nil && r.Outcome != nil {
			seen[i] = r.Outcome.Name
		}
		return err
	})
	last := e.run("e1/1").Outcome
	require.NotNil(e, last)
	for i := range seen {
		require.Equal(e, last.Name, seen[i], "the result that was there when a finish had returned, and the last one")
	}
}

func racingSettle(e *env) {
	g := e.begin("e1")
	all := outcomes()
	for round := range 5 {
		ref := fmt.Sprintf("r%d", round)
		e.intend(g, ref)
		results := make([]error, len(all))
		e.atOnce(len(all), func(i int) error {
			results[i] = e.Settle(e.Context(), g, settled(ref, all[i]))
			return nil
		})
		winner := -1
		for i, err := range results {
			if err == nil {
				require.Equal(e, -1, winner, "one settlement is accepted")
				winner = i
				continue
			}
			require.ErrorIs(e, err, journal.ErrSettledOtherwise)
		}
		require.NotEqual(e, -1, winner, "one settlement is accepted")
		e.outcome("e1/1", settled(ref, all[winner]))
	}
}

func racingAccounts(e *env) {
	const n = 6
	e.atOnce(n, func(i int) error {
		account := broker.AccountID(fmt.Sprintf("A%d", i))
		for round := range 5 {
			b, err := e.Begin(e.Context(), claimOf(account, fmt.Sprintf("e%d.%d", i, round)))
			if err != nil {
				return err
			}
			ref := fmt.Sprintf("r%d.%d", i, round)
			if b.Grant.Fence != uint64(round+1) || len(b.Standing.Open) > 0 || len(b.Standing.Unfinished) > 0 {
				return fmt.Errorf("account %s begins round %d with %+v", account, round, b)
			}
			if err := errors.Join(
				e.Checkpoint(e.Context(), b.Grant, stepOf("plan")),
				e.Intend(e.Context(), b.Grant, intentOf(b.Grant, ref)),
				e.Settle(e.Context(), b.Grant, settled(ref, journal.Filled)),
				e.Finish(e.Context(), b.Grant, ending("completed")),
			); err != nil {
				return err
			}
		}
		return nil
	})
	require.Len(e, e.list(""), n*5)
}

// atOnce runs work n times at once and demands that none fails.
func (e *env) atOnce(n int, work func(i int) error) {
	e.Helper()
	faults := make([]error, n)
	start := make(chan struct{})
	var workers sync.WaitGroup
	for i := range n {
		workers.Go(func() {
			<-start
			faults[i] = work(i)
		})
	}
	close(start)
	workers.Wait()
	require.NoError(e, errors.Join(faults...))
}
