package ibkr

// phase is where the connection stands.
type phase uint8

const (
	connecting   phase = iota // no session
	handshaken                // the gateway answers; nothing was read yet
	synchronised              // everything was read, in a new epoch
	ready                     // and the gateway answered after that: orders may be sent
	frozen                    // the gateway has lost IBKR
)

func (p phase) String() string {
	return [...]string{"connecting", "handshaken", "synchronised", "ready", "frozen"}[p]
}

// turn is what happens to a connection.
type turn uint8

const (
	turnGreeted turn = iota // handshake done
	turnRead                // all of orders, executions and positions was read
	turnBeat                // the gateway answered
	turnLost                // 1100
	turnBack                // 1101 or 1102
	turnEnded
)

// turns is the state machine. What is not in it changes nothing.
var turns = map[phase]map[turn]phase{
	connecting:   {turnGreeted: handshaken},
	handshaken:   {turnRead: synchronised, turnBack: handshaken, turnLost: frozen, turnEnded: connecting},
	synchronised: {turnBeat: ready, turnLost: frozen, turnBack: handshaken, turnEnded: connecting},
	ready:        {turnLost: frozen, turnBack: handshaken, turnEnded: connecting},
	frozen:       {turnBack: handshaken, turnEnded: connecting},
}

// after returns the phase that follows, and whether the turn is a turn at all.
func (p phase) after(t turn) (phase, bool) {
	next, ok := turns[p][t]
	if !ok {
		return p, false
	}
	return next, true
}
