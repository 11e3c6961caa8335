package mutants

// All returns all mutants.
func All() []Mutant { return append(append(engine(), stores()...), planner()...) }

// engine are bugs of the run and the service loop.
func engine() []Mutant {
	return []Mutant{
		{
			Name: "an order is sent without being journaled", File: "rebalance/execute.go",
			Old: "err := r.e.cfg.Journal.Intend(ctx, r.grant, journal.Intent{",
			New: "err := func(context.Context, journal.Grant, ...journal.Intent) error { return nil }(ctx, r.grant, journal.Intent{",
		},
		{
			Name: "an order without an answer counts as not sent", File: "rebalance/execute.go",
			Old: "if !errors.As(err, &proof) || proof.Kind == broker.KindIndeterminate || errors.Is(err, broker.ErrOrderConflict) {",
			New: "if !errors.As(err, &proof) {",
		},
		{
			Name: "an order without an answer is sent once more", File: "rebalance/execute.go",
			Old: "	r.trackOrder(ctx, l)\n	return r.placed(",
			New: "	if errors.Is(err, broker.ErrIndeterminate) {\n		state, err = r.e.cfg.Broker.Place(bounded, order)\n	}\n	r.trackOrder(ctx, l)\n	return r.placed(",
		},
		{
			Tests: "./rebalance", Run: "TestASendHasALastInstant", Name: "an order may be written at any later time", File: "rebalance/execute.go",
			Old: "order.SendBefore = now.Add(r.e.cfg.Timing.Acknowledge)",
			New: "order.SendBefore = now.Add(9000 * time.Hour)",
		},
		{
			Tests: "./rebalance", Run: "TestFaults", Name: "the number of the try is not in the reference", File: "rebalance/leg.go",
			Old: "for _, n := range [...]int{number, leg, try} {",
			New: "for _, n := range [...]int{number, leg, min(try, 1)} {",
		},
		{
			Name: "not found counts as not sent", File: "rebalance/resolve.go",
			Old: "			doubt = fmt.Sprintf(",
			New: "			l.notSent(r.e.cfg.Now(), \"not found\")\n			if held.Equal(held) {\n				return nil\n			}\n			doubt = fmt.Sprintf(",
		},
		{
			Name: "absence needs no proof", File: "rebalance/resolve.go",
			Old: "			if absent, err = r.proven(ctx, prover, l.order.ID); err != nil {\n				return err\n			}",
			New: "			absent = prover != nil",
		},
		{
			Seed: 255, Name: "open orders of an earlier delivery are not resolved", File: "rebalance/resolve.go",
			Old: "	legs := r.openLegs()\n	if len(legs) == 0 {\n		return nil\n	}\n	if err := r.resolve(ctx, legs)",
			New: "	legs := r.openLegs()\n	if len(legs) >= 0 {\n		return nil\n	}\n	if err := r.resolve(ctx, legs)",
		},
		{
			Tests: "./rebalance", Run: "TestACancelThatIsNeverConfirmedBlocksTheAccount|TestAnOrderThatCannotBeFoundBlocksTheAccount", Name: "an unknown outcome does not block", File: "rebalance/execute.go",
			Old: "	if len(unknown) > 0 {\n		return r.block(",
			New: "	if len(unknown) > 1000 {\n		return r.block(",
		},
		{
			Name: "fills are counted twice", File: "rebalance/leg.go",
			Old: "if merged[i].ID == n.ID {", New: "if merged[i].ID == n.ID+\"?\" {",
		},
		{
			Seed: 80, Name: "a cancelled order is settled before its last fills are known", File: "rebalance/confirm.go",
			Old: "		open := shortOf(legs)\n", New: "		open := shortOf(legs)[:0]\n",
		},
		{
			Name: "what was asked for counts as filled", File: "rebalance/leg.go",
			Old: "		Ref: l.order.ID, Filled: filled, Code: l.state.Code, Reason: l.state.Reason, Time: now,\n	}\n	switch {",
			New: "		Ref: l.order.ID, Filled: filled, Code: l.state.Code, Reason: l.state.Reason, Time: now,\n	}\n	if filled.Sign() > 0 {\n		s.Filled, filled = l.order.Quantity, l.order.Quantity\n	}\n	switch {",
		},
		{
			Name: "buys are sent with the sells", File: "rebalance/trade.go",
			Old: "return r.execute(ctx, r.sells())", New: "return r.execute(ctx, r.legs)",
		},
		{
			Name: "a resumed run plans anew", File: "rebalance/freeze.go",
			Old: "if !unblocked && (r.renewed || !r.goesOn()) {", New: "if !unblocked {",
		},
		{
			Name: "an approved plan is traded whatever became of the account", File: "rebalance/freeze.go",
			Old: "if !fresh && !r.approved(kept) || !r.unchanged(&frozen) {", New: "if !fresh && !r.approved(kept) {",
		},
		{
			Name: "a delayed price sizes an order", File: "rebalance/guard.go",
			Old: "	if !slices.Contains(p.TradableTiers, q.Tier) {\n		return false\n	}\n", New: "	if !slices.Contains(p.TradableTiers, q.Tier) && q.Tier == \"\" {\n		return false\n	}\n",
		},
		{
			Name: "closed markets are open", File: "rebalance/hours.go",
			Old: "		if s.Contains(now) {\n			open++", New: "		if s.Contains(now) || !s.Open.IsZero() {\n			open++",
		},
		{
			Name: "an older allocation is carried out", File: "rebalance/observe.go",
			Old: "m.Strategy == r.req.Strategy && targets.AsOf.Before(m.AsOf)", New: "m.Strategy == r.req.Strategy && targets.AsOf.Before(m.AsOf) && false",
		},
		{
			Name: "an event is acknowledged before its result is stored", File: "rebalance/rebalance.go",
			Old: "	if err := r.e.store(ctx, res, memo); err != nil {\n		return err\n	}",
			New: "	if err := r.e.store(ctx, res, memo); err != nil {\n		res.stored = true\n	}",
		},
		{
			Tests: "./rebalance", Run: ".", Name: "a finished run runs again", File: "rebalance/rebalance.go",
			Old: "if begun.Run.Outcome != nil {", New: "if begun.Run.Outcome != nil && begun.Run.Outcome.Name == \"\" {",
		},
		{
			Name: "the result is not written", File: "rebalance/rebalance.go",
			Old: "if res.stored || res.Run == \"\" {", New: "if res.stored || res.Run == \"\" || res.Outcome == NoTrade {",
		},
		{
			Name: "a held event is done", File: "rebalance/settle.go",
			Old: "Held:              queue.VerbHold", New: "Held:              queue.VerbAck",
		},
		{
			Seed: 215, Name: "a blocked event is thrown away", File: "rebalance/settle.go",
			Old: "Blocked:           queue.VerbDefer", New: "Blocked:           queue.VerbDead",
		},
		{
			Name: "an old event is thrown away unseen", File: "rebalance/settle.go",
			Old: "case result.Run == \"\" && !result.stored:", New: "case false:",
			Tests: "./rebalance", Run: "TestAnOldEventIsNotThrownAwayUnseen",
		},
		{
			Name: "a failed event is tried for ever", File: "rebalance/settle.go",
			Old: "d.Attempt >= e.cfg.Events.Attempts:", New: "d.Attempt >= 1000*e.cfg.Events.Attempts:",
			Tests: "./rebalance", Run: "TestAFailingDependencyEndsInTheDeadLetters|TestAPanicUsesAnAttempt",
		},
		{
			Name: "the lease is not extended", File: "rebalance/consume.go",
			Old: "err := d.Extend(bounded)", New: "err := bounded.Err()",
		},
		{
			Name: "a price that ran away is traded", File: "rebalance/guard.go",
			Old: "if numOf(r.e.cfg.Limits.Collar).mul(numOf(valued)).less(away) {", New: "if away.sign() < 0 {",
		},
		{
			Name: "a foreign trade goes unnoticed", File: "rebalance/verify.go",
			Old: "		if len(diff) == 0 {\n			r.agreed = true", New: "		if len(diff) >= 0 {\n			r.agreed = true",
			Tests: "./rebalance", Run: "TestAForeignTradeDuringTheRunBlocksTheAccount",
		},
		{
			Name: "a plan rests on positions that lag behind an earlier run", File: "rebalance/caughtup.go",
			Old: "	if r.began() {", New: "	if r.began() || true {",
			Tests: "./rebalance", Run: "TestASnapshotThatLagsBehind",
		},
		{
			Name: "a finished run does not say which fills it has not seen", File: "rebalance/caughtup.go",
			Old: "	if r.agreed {\n		return nil\n	}", New: "	if r.agreed || !r.agreed {\n		return nil\n	}",
			Tests: "./rebalance", Run: "TestASnapshotThatLagsBehindAFinishedRun",
		},
		{
			Name: "a fill after the settlement goes unnoticed", File: "rebalance/corrected.go",
			Old: "if in.Settlement.Filled.Equal(filled) ||", New: "if filled.Equal(filled) ||",
			Seed: 100,
		},
		{
			Name: "a dead run swallows a difference", File: "rebalance/memory.go",
			Old: "	if r.agreed {\n		return r.holdings()", New: "	if r.agreed || !r.agreed {\n		return r.holdings()",
			Tests: "./rebalance", Run: "TestADeadRunDoesNotSwallowADifference",
		},
		{
			Name: "orders of the same day are not counted", File: "rebalance/daylimit.go",
			Old: "	return orders, turnover\n}\n\n// ownSince", New: "	return 0, num{}\n}\n\n// ownSince",
			Tests: "./rebalance", Run: "TestADay",
		},
		{
			Name: "a compensation buys back more than was sold", File: "rebalance/partial.go",
			Old: "quantity := decimal.Min(affordable, sold.settlement.Filled)", New: "quantity := affordable",
		},
		{
			Name: "a look without news is taken at once", File: "rebalance/resolve.go",
			Old: "			failed++\n			r.e.pause(bounded, time.Second)", New: "			return nil",
			Tests: "./rebalance", Run: "TestAnOrderOfAProcessThatStandsStillIsNotSentTwice",
		},
		{
			Name: "an old look at the account is good enough to send", File: "rebalance/freshen.go",
			Old: "if r.e.tick().Sub(r.shown) > snapshotLife {", New: "if r.e.tick().Sub(r.shown) > 9000*snapshotLife {",
			Tests: "./rebalance", Run: "TestATradeByHandWhile",
		},
		{
			Name: "a lease is used to its margin however long it is", File: "rebalance/execute.go",
			Old: "lease.Duration/3)", New: "lease.Duration/300)",
			Tests: "./rebalance", Run: "TestASendIsTooLateAtTwoThirdsOfTheLease",
		},
	}
}
