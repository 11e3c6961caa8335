package gatewaysim_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/scmhub/ibapi"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker/ibkr/gatewaysim"
)

// TestBooksBalance: whatever goes wrong, the truth about an account is what it
// began with and what its fills say, and clients heard of every execution or
// can ask for it.
func TestBooksBalance(t *testing.T) {
	const clients, orders = 3, 25
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			cfg := config([]int{176, 200, 203, 225}[seed])
			cfg.Seed, cfg.Limits.MessagesPerSecond = seed, -1
			cfg.Fill = gatewaysim.FillModel{Mode: gatewaysim.FillInParts, Parts: 3, Every: 200 * time.Microsecond}
			g := start(t, cfg)
			for _, kind := range gatewaysim.FaultKinds() {
				switch kind.When {
				case gatewaysim.WhenOrder, gatewaysim.WhenFill, gatewaysim.WhenCancel:
				default:
					continue
				}
				switch kind.Name {
				case gatewaysim.FaultCutBeforeAccept, gatewaysim.FaultCutAfterAccept, gatewaysim.FaultCutAfterAck, gatewaysim.FaultCutAfterFill:
					continue // the clients of this test stay
				}
				_, err := g.Inject(gatewaysim.Fault{Name: kind.Name, Times: -1, Percent: 4, For: gatewaysim.Duration(time.Millisecond), After: gatewaysim.Duration(time.Millisecond)})
				require.NoError(t, err)
			}
			all := make([]*client, clients)
			for i := range all {
				all[i] = connect(t, g, int64(i+1))
			}
			var wg sync.WaitGroup
			for i, c := range all {
				wg.Go(func() {
					for id := int64(1); id <= orders; id++ {
						action := []string{"BUY", "SELL"}[(id+int64(i))%2]
						c.PlaceOrder(id, stock("AAPL"), newOrder(action, "10", "LMT", []string{"99", "101"}[id%2], []string{"DU1", "DU2"}[i%2], fmt.Sprint(i, "-", id)))
						if id%5 == 0 {
							c.CancelOrder(id, ibapi.NewOrderCancel())
						}
					}
				})
			}
			wg.Wait()
			for i, deadline := 0, time.Now().Add(5*time.Second); len(g.Exchange().Fills()) < 50; i++ {
				require.True(t, time.Now().Before(deadline), "%d fills", len(g.Exchange().Fills()))
				require.NoError(t, g.Exchange().Price("AAPL", decimal.NewFromInt(int64(97+i%7))))
				all[0].settle(t)
			}
			for _, c := range all {
				c.ReqGlobalCancel(ibapi.NewOrderCancel())
				c.settle(t)
			}
			balance(t, g)
		})
	}
}

// balance compares the accounts with the fills, which must not move meanwhile.
func balance(t *testing.T, g *gatewaysim.Gateway) {
	t.Helper()
	why := ""
	balanced := func() bool {
		fills := g.Exchange().Fills()
		shares := map[string]decimal.Decimal{"DU1": {}, "DU2": {}}
		cash := map[string]decimal.Decimal{"DU1": dec("10000"), "DU2": dec("5000.25")}
		for _, f := range fills {
			if f.Superseded {
				continue
			}
			signed := f.Quantity
			if f.Action == "SELL" {
				signed = signed.Neg()
			}
			shares[f.Account] = shares[f.Account].Add(signed)
			cash[f.Account] = cash[f.Account].Sub(signed.Mul(f.Price)).Sub(f.Fee)
		}
		for id := range shares {
			state, err := g.Exchange().Account(id)
			if err != nil || !state.Positions["AAPL"].Equal(shares[id]) || !state.Cash["USD"].Equal(cash[id]) {
				why = fmt.Sprintf("%s has %v, its fills say %s shares and %s", id, state, shares[id], cash[id])
				return false
			}
		}
		why = fmt.Sprint("fills: ", len(fills))
		return len(fills) == len(g.Exchange().Fills())
	}
	for deadline := time.Now().Add(5 * time.Second); !balanced(); {
		require.True(t, time.Now().Before(deadline), why)
	}
	for _, o := range g.Exchange().Orders() {
		require.False(t, o.Filled.IsNegative())
		require.False(t, o.Filled.GreaterThan(o.Quantity), "order %s", o.Ref)
	}
}

func TestCurrencies(t *testing.T) {
	cfg := config(225)
	cfg.Accounts = append(cfg.Accounts, gatewaysim.Account{ID: "DU3", Currency: "EUR", Cash: map[string]decimal.Decimal{"EUR": dec("1000"), "USD": dec("550")}})
	_, err := gatewaysim.Start(cfg)
	require.ErrorContains(t, err, "Rates: EUR")
	cfg.Rates = map[string]decimal.Decimal{"EUR": dec("1.1")}
	g := start(t, cfg)
	c := connect(t, g, 7)
	c.ReqAccountUpdates(true, "DU3")
	c.await(t, "accountValue", "DU3 EUR NetLiquidation=1500")
	c.await(t, "accountValue", "DU3 USD CashBalance=550")
	c.await(t, "accountDownloadEnd")
	c.PlaceOrder(1, stock("AAPL"), newOrder("BUY", "1", "MKT", "", "DU3", "x"))
	c.await(t, "accountValue", "DU3 USD CashBalance=449")
	require.NoError(t, g.Exchange().SetTag("DU3", "AccountType", "CASH"))
	c.await(t, "accountValue", "DU3  AccountType=CASH")
}

func BenchmarkOrder(b *testing.B) {
	cfg := config(225)
	cfg.Limits.MessagesPerSecond = -1
	g, err := gatewaysim.Start(cfg)
	require.NoError(b, err)
	defer g.Close()
	w := &counter{fills: make(chan struct{}, 1), ready: make(chan struct{}, 1)}
	c := ibapi.NewEClient(w)
	require.NoError(b, c.Connect("127.0.0.1", g.Port(), 7))
	<-w.ready
	id := int64(0)
	b.ReportAllocs()
	for b.Loop() {
		id++
		c.PlaceOrder(id, stock("AAPL"), newOrder("BUY", "1", "MKT", "", "DU1", "bench"))
		<-w.fills
	}
}

// counter tells of the start and of each fill.
type counter struct {
	ibapi.Wrapper
	fills, ready chan struct{}
}

func (c *counter) NextValidID(int64) { c.ready <- struct{}{} }

func (c *counter) CommissionAndFeesReport(ibapi.CommissionAndFeesReport) { c.fills <- struct{}{} }
