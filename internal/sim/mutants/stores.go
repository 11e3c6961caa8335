package mutants

// stores are bugs of the journal, of the queue and of the vocabulary.
func stores() []Mutant {
	return []Mutant{
		{
			Name: "an order whose cancel was asked for counts as over", File: "broker/order.go",
			Old: "return s == StatusFilled || s == StatusCancelled || s == StatusRejected",
			New: "return s == StatusFilled || s == StatusCancelled || s == StatusRejected || s == StatusPendingCancel",
		},
		{
			Name: "a stale holder may write", File: "journal/memory.go",
			Old: "if a.fence != grant.Fence || a.holder.ID != grant.Run {", New: "if a.fence < grant.Fence {",
		},
		{
			Name: "a lower fence is granted", File: "journal/memory.go",
			Old: "case fence < a.fence, fence == a.fence && a.holder.ID != claim.RunID():", New: "case fence == a.fence && a.holder.ID != claim.RunID():",
			Tests: "./journal", Run: ".",
		},
		{
			Seed: 115, Name: "a kill does not stop the sends", File: "journal/memory_intents.go",
			Old: "if k := cmp.Or(a.kill.kill, m.all.kill); k != nil {", New: "if k := cmp.Or(a.kill.kill, m.all.kill); k != nil && k.Operator == \"\" {",
		},
		{
			Tests: "./journal", Run: ".", Name: "a run ends with open orders", File: "journal/memory.go",
			Old: "if open := r.openRefs(); len(open) > 0 {", New: "if open := r.openRefs(); len(open) > 1000 {",
		},
		{
			Name: "a reference can be used twice", File: "journal/memory_intents.go",
			Old: "	if !m.past.used(i.Order.ID) {\n		return false, nil\n	}", New: "	if used := m.past.used(i.Order.ID); used || !used {\n		return false, nil\n	}",
			Tests: "./journal", Run: ".",
		},
		{
			Name: "the fence of an account does not go up", File: "queue/memqueue/receive.go",
			Old: "	a.fence++\n", New: "	a.fence = max(a.fence, 1)\n",
		},
		{
			Name: "a crash is not counted", File: "queue/memqueue/receive.go",
			Old: "	it.crashes++\n", New: "	it.crashes += 0\n",
		},
		{
			Name: "an event whose worker crashed is lost", File: "queue/memqueue/receive.go",
			Old: "	if it.crashes < q.opts.MaxCrashes {\n		it.due = q.now\n		q.wait(it)",
			New: "	if it.crashes < q.opts.MaxCrashes {\n		q.counts[it.state]--\n		q.lanes[leased].remove(it)\n		a.leave(it)\n		delete(q.items, it.event.ID)",
		},
		{
			Name: "the wish for a minimal fence is forgotten", File: "queue/memqueue/settle.go",
			Old: "	a.fence = max(a.fence, v.MinFence)\n", New: "	a.fence = max(a.fence, v.MinFence*0)\n",
			Tests: "./queue/memqueue", Run: ".",
		},
		{
			Tests: "./queue/memqueue", Run: ".", Name: "whoever settles, settles", File: "queue/memqueue/settle.go",
			Old: "case it.state == leased && it.token == lease.Token:", New: "case it.state == leased:",
		},
		{
			Name: "a key is not remembered", File: "queue/memqueue/queue.go",
			Old: "if it := q.keys[event.Key]; it != nil {", New: "if it := q.keys[event.Key]; it != nil && it.event.Key == \"\" {",
			Tests: "./queue/memqueue", Run: ".",
		},
	}
}
