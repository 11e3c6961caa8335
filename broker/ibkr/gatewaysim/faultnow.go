package gatewaysim

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/shopspring/decimal"
)

// Faults that are done at once.

func (g *Gateway) faultRefuse(f Fault) error {
	g.refuse(cmp.Or(time.Duration(f.For), time.Second))
	return nil
}

func (g *Gateway) faultRestart(f Fault) error {
	g.Restart(cmp.Or(time.Duration(f.For), 200*time.Millisecond), f.Count)
	return nil
}

func (g *Gateway) faultLinkLost(f Fault) error {
	g.ex.mu.Lock()
	defer g.ex.mu.Unlock()
	g.ex.loseLink(cmp.Or(f.Code, 1100))
	if f.For > 0 {
		g.ex.after(time.Duration(f.For), func() { g.ex.restoreLink(1102) })
	}
	return nil
}

func (g *Gateway) faultLinkBack(Fault) error { return g.back(1102) }

func (g *Gateway) faultDataLost(Fault) error { return g.back(1101) }

func (g *Gateway) back(code int) error {
	g.ex.mu.Lock()
	defer g.ex.mu.Unlock()
	g.ex.restoreLink(code)
	return nil
}

// loseLink is the loss of the connection between the gateway and the broker.
func (e *Exchange) loseLink(code int) {
	e.broadcast(code, "Connectivity between IBKR and Trader Workstation has been lost.")
	e.linkDown = true
}

// restoreLink ends it. The clients are told first, then of what they missed.
func (e *Exchange) restoreLink(code int) {
	e.linkDown = false
	text := "Connectivity between IBKR and Trader Workstation has been restored - data maintained."
	if code == 1101 {
		text = "Connectivity between IBKR and Trader Workstation has been restored - data lost."
		for _, s := range e.sessions {
			clear(s.streams)
		}
	}
	e.broadcast(code, text)
	e.flushWithheld()
}

func (g *Gateway) faultSocketReset(Fault) error {
	g.ex.mu.Lock()
	defer g.ex.mu.Unlock()
	g.ex.broadcast(1300, "TWS socket port has been reset and this connection is being dropped.")
	for _, s := range g.ex.sessions {
		s.dismiss()
	}
	return nil
}

// chosen calls f for the sessions that a fault is limited to.
func (g *Gateway) chosen(fault Fault, f func(*tcpSession)) error {
	g.ex.mu.Lock()
	defer g.ex.mu.Unlock()
	n := 0
	for _, s := range g.ex.sessions {
		if (fault.Client == 0 || s.client == fault.Client) && (fault.Session == 0 || s.number == fault.Session) {
			f(s)
			n++
		}
	}
	if n == 0 {
		return fmt.Errorf("client %d session %d is not connected", fault.Client, fault.Session)
	}
	return nil
}

func (g *Gateway) faultHalfOpen(f Fault) error {
	return g.chosen(f, func(s *tcpSession) { s.out.silence() })
}

func (g *Gateway) faultStall(f Fault) error {
	return g.chosen(f, func(s *tcpSession) {
		s.out.freeze()
		if f.For > 0 {
			g.ex.after(time.Duration(f.For), s.cut)
		}
	})
}

func (g *Gateway) faultCut(f Fault) error {
	return g.chosen(f, (*tcpSession).cut)
}

func (g *Gateway) faultWire(f Fault) error {
	fault := wireFault{name: f.Name, count: f.Count}
	if f.For > 0 {
		fault.until = time.Now().Add(time.Duration(f.For))
	}
	return g.chosen(f, func(s *tcpSession) { s.out.mistreat(fault) })
}

func (g *Gateway) faultGarbage(f Fault) error {
	junk := make([]byte, cmp.Or(f.Count, 16))
	for i := range junk {
		junk[i] = byte(0x80 + i*37)
	}
	return g.chosen(f, func(s *tcpSession) { s.out.push(appendFrame(nil, junk)) })
}

func (g *Gateway) faultUnknown(f Fault) error {
	return g.chosen(f, func(s *tcpSession) {
		payload := []byte("190\x001\x00")
		if s.version >= verBinaryID {
			payload = binary.BigEndian.AppendUint32(nil, 190)
			payload = append(payload, "1\x00"...)
		}
		s.out.push(appendFrame(nil, payload))
	})
}

func (g *Gateway) faultMessage(f Fault) error {
	g.Broadcast(cmp.Or(f.Code, 2103), cmp.Or(f.Text, "Market data farm connection is broken:usfarm"))
	return nil
}

func (g *Gateway) faultExternalTrade(f Fault) error {
	quantity := f.Quantity
	if quantity.IsZero() {
		quantity = decimal.NewFromInt(1)
	}
	return g.ex.Trade(f.Account, f.Symbol, quantity, f.Price)
}

func (g *Gateway) faultSplit(f Fault) error {
	ratio := f.Quantity
	if ratio.IsZero() {
		ratio = decimal.NewFromInt(2)
	}
	return g.ex.Split(f.Symbol, ratio)
}

func (g *Gateway) faultMidnight(Fault) error {
	g.ex.CutDay()
	return nil
}
