package journal

// Limits of what a journal accepts.
const (
	// MaxFence is the highest fence: the largest number that every store counts
	// exactly, also one that counts in float64.
	MaxFence = 1 << 53
	// MaxData bounds the JSON of a step, a result or a piece of evidence, in bytes.
	MaxData = 16 << 20

	maxName   = 128      // bytes of an account, event, command, step or outcome name
	maxText   = 64 << 10 // bytes of an operator's name, a reason or a code
	maxDigits = 40       // digits of a decimal in plain notation, as broker.ParseDecimal reads it
)

// Check returns one error that names every fault of the claim, or nil. It
// matches [ErrInvalid], as do the errors of all Check functions here.
func (c *Claim) Check() error {
	var f faults
	c.check(&f)
	return f.err("claim")
}

// check notes every fault.
func (c *Claim) check(f *faults) {
	f.name("account", string(c.Account))
	f.name("event", c.Event)
	f.name("command", c.Command)
	if c.Number < 0 {
		f.add("number %d is negative", c.Number)
	}
	if c.Fence > MaxFence {
		f.add("fence %d is above %d", c.Fence, uint64(MaxFence))
	}
	f.instant("time", c.Time)
}

// Check returns one error that names every fault of the grant, or nil.
func (g *Grant) Check() error {
	var f faults
	g.check(&f)
	return f.err("grant")
}

// check notes every fault.
func (g *Grant) check(f *faults) {
	f.name("account", string(g.Account))
	f.required("run", string(g.Run))
	if g.Fence == 0 {
		f.add("fence is zero: a grant comes from Begin")
	}
}

// Check returns one error that names every fault of the step, or nil.
func (s *Step) Check() error {
	var f faults
	s.check(&f)
	return f.err("step")
}

// check notes every fault.
func (s *Step) check(f *faults) {
	f.name("name", s.Name)
	f.instant("time", s.Time)
	f.data("data", s.Data)
}

// Check returns one error that names every fault of the outcome, or nil.
func (o *Outcome) Check() error {
	var f faults
	o.check(&f)
	return f.err("outcome")
}

// check notes every fault.
func (o *Outcome) check(f *faults) {
	f.name("name", o.Name)
	f.instant("time", o.Time)
	if len(o.Result) == 0 {
		f.add("result is missing")
	}
	f.data("result", o.Result)
	f.data("memo", o.Memo)
}

// Check returns one error that names every fault of the block, or nil.
func (b *Block) Check() error {
	var f faults
	b.check(&f)
	return f.err("block")
}

// check notes every fault.
func (b *Block) check(f *faults) {
	f.name("account", string(b.Account))
	f.required("reason", b.Reason)
	f.data("evidence", b.Evidence)
	f.instant("time", b.Time)
}

// Check returns one error that names every fault of the unblock, or nil.
func (u *Unblock) Check() error {
	var f faults
	u.check(&f)
	return f.err("unblock")
}

// check notes every fault.
func (u *Unblock) check(f *faults) {
	f.name("account", string(u.Account))
	f.required("operator", u.Operator)
	f.required("reason", u.Reason)
	f.data("evidence", u.Evidence)
	f.instant("time", u.Time)
	if !u.Block.IsZero() {
		f.instant("block", u.Block)
	}
	for n, ref := range u.Refs {
		if err := ref.Check(); err != nil {
			f.add("refs[%d]: %v", n, err)
		}
	}
}

// Check returns one error that names every fault of the kill, or nil.
func (k *Kill) Check() error {
	var f faults
	k.check(&f)
	return f.err("kill")
}

// check notes every fault.
func (k *Kill) check(f *faults) {
	if k.Account != "" {
		f.name("account", string(k.Account))
	}
	f.required("operator", k.Operator)
	f.required("reason", k.Reason)
	f.instant("time", k.Time)
}

// Check returns one error that names every fault of the approval, or nil.
func (a *Approval) Check() error {
	var f faults
	a.check(&f)
	return f.err("approval")
}

// check notes every fault.
func (a *Approval) check(f *faults) {
	f.name("account", string(a.Account))
	f.required("run", string(a.Run))
	f.required("hash", a.Hash)
	f.required("operator", a.Operator)
	f.required("reason", a.Reason)
	f.instant("time", a.Time)
	f.instant("expires", a.Expires)
	if !a.Expires.After(a.Time) {
		f.add("expires is not after time")
	}
}
