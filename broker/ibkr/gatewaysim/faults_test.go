package gatewaysim_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/scmhub/ibapi"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker/ibkr/gatewaysim"
)

// stage is a gateway with one client, for a story about a fault.
type stage struct {
	g *gatewaysim.Gateway
	c *client
}

func (s *stage) inject(t *testing.T, f gatewaysim.Fault) int {
	t.Helper()
	id, err := s.g.Inject(f)
	require.NoError(t, err)
	return id
}

// buy places an order for 10 AAPL at the market, which fills at once.
func (s *stage) buy(id int64) { s.order(id, "MKT", "") }

// bid places an order for 10 AAPL that rests.
func (s *stage) bid(t *testing.T, id int64) {
	t.Helper()
	s.order(id, "LMT", "90")
	s.c.await(t, "orderStatus", fmt.Sprint(id, " Submitted"))
}

func (s *stage) order(id int64, kind, limit string) {
	s.c.PlaceOrder(id, stock("AAPL"), newOrder("BUY", "10", kind, limit, "DU1", fmt.Sprint("ref", id)))
}

// gone waits for the end of the client's connection.
func (s *stage) gone(t *testing.T) {
	t.Helper()
	s.c.gone(t)
}

// sync waits until everything that was sent before has been heard.
func (s *stage) sync(t *testing.T) {
	t.Helper()
	s.c.settle(t)
}

// again connects the client anew.
func (s *stage) again(t *testing.T) {
	t.Helper()
	s.c = redial(t, s.g, 7)
	s.c.await(t, "nextValidId")
}

// executions counts those that the gateway tells of.
func (s *stage) executions(t *testing.T) int {
	t.Helper()
	const id = 900
	s.c.ReqExecutions(id, ibapi.NewExecutionFilter())
	s.c.await(t, "execDetailsEnd", fmt.Sprint(id))
	return s.c.count("execDetails", fmt.Sprint(id))
}

const short = gatewaysim.Duration(30 * time.Millisecond)

// stories has one story for each fault of the session.
var stories = map[string]func(t *testing.T, s *stage){
	gatewaysim.FaultRefuseConnections: func(t *testing.T, s *stage) {
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultRefuseConnections, For: short})
		s.gone(t)
		require.Error(t, ibapi.NewEClient(nil).Connect("127.0.0.1", s.g.Port(), 9))
		s.again(t)
	},
	gatewaysim.FaultTwoFactorOutage: func(t *testing.T, s *stage) {
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultTwoFactorOutage, For: short})
		s.gone(t)
		s.again(t)
	},
	gatewaysim.FaultAcceptAndClose: func(t *testing.T, s *stage) {
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultAcceptAndClose})
		r := dialRaw(t, s.g)
		r.send("API\x00" + frame("v100..225"))
		r.ends()
		connect(t, s.g, 9)
	},
	gatewaysim.FaultNoHandshake: func(t *testing.T, s *stage) {
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultNoHandshake})
		r := dialRaw(t, s.g)
		r.send("API\x00" + frame("v100..225"))
		require.NoError(t, r.SetReadDeadline(time.Now().Add(20*time.Millisecond)))
		_, err := r.Read(make([]byte, 1))
		require.ErrorContains(t, err, "timeout")
	},
	gatewaysim.FaultNoNextValidID: func(t *testing.T, s *stage) {
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultNoNextValidID})
		c := dial(t, s.g, 9)
		c.await(t, "error", "-1 2158")
		c.settle(t)
		require.Zero(t, c.count("nextValidId"))
	},
	gatewaysim.FaultNoManagedAccounts: func(t *testing.T, s *stage) {
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultNoManagedAccounts})
		c := connect(t, s.g, 9)
		require.Zero(t, c.count("managedAccounts"))
	},
	gatewaysim.FaultClientIDInUse: func(t *testing.T, s *stage) {
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultClientIDInUse, Client: 9})
		require.Equal(t, "326", refusedStart(t, s.g, "9"))
		connect(t, s.g, 9)
	},
	gatewaysim.FaultLinkLost: func(t *testing.T, s *stage) {
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultLinkLost, Code: 2110})
		s.c.await(t, "error", "-1 2110")
		s.buy(1)
		s.sync(t)
		require.Zero(t, s.c.count("orderStatus"))
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultLinkBack})
		s.c.await(t, "error", "-1 1102")
		s.c.await(t, "orderStatus", "1 Filled")

		s.bid(t, 2)
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultLinkLost, For: short})
		require.NoError(t, s.g.Exchange().Price("AAPL", dec("80"))) // fills at the broker
		require.Equal(t, gatewaysim.StatusFilled, s.g.Exchange().Orders()[1].Status)
		require.Equal(t, 1, s.executions(t), "the gateway does not know")
		s.c.await(t, "error", "-1 1102")
		s.c.await(t, "execDetails", "-1 AAPL BOT 10 at=80")
		s.c.await(t, "orderStatus", "2 Filled")
	},
	gatewaysim.FaultLinkBack: func(t *testing.T, s *stage) {
		s.bid(t, 1)
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultLinkLost})
		s.c.CancelOrder(1, ibapi.NewOrderCancel())
		s.sync(t)
		require.Zero(t, s.c.count("orderStatus", "1 Cancelled"))
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultLinkBack})
		s.c.await(t, "orderStatus", "1 Cancelled")
	},
	gatewaysim.FaultLinkBackDataLost: func(t *testing.T, s *stage) {
		s.c.ReqMktData(1, stock("AAPL"), "", false, false, nil)
		s.c.await(t, "tickPrice", "1 1=99.9")
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultLinkLost})
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultLinkBackDataLost})
		s.c.await(t, "error", "-1 1101")
		require.NoError(t, s.g.Exchange().Price("AAPL", dec("77")))
		s.sync(t)
		require.Zero(t, s.c.count("tickPrice", "1 1=77"))
	},
	gatewaysim.FaultLinkLostMidFill: func(t *testing.T, s *stage) {
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultLinkLostMidFill, For: short})
		s.buy(1)
		s.c.await(t, "execDetails")
		s.c.await(t, "error", "-1 1100")
		require.Zero(t, s.c.count("orderStatus", "1 Filled"))
		s.c.await(t, "error", "-1 1102")
		s.c.await(t, "orderStatus", "1 Filled")
	},
	gatewaysim.FaultSocketReset: func(t *testing.T, s *stage) {
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultSocketReset})
		s.c.await(t, "error", "-1 1300")
		s.gone(t)
		s.again(t)
	},
	gatewaysim.FaultNightlyRestart: func(t *testing.T, s *stage) {
		s.buy(1)
		s.c.await(t, "orderStatus", "1 Filled")
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultNightlyRestart, Count: 1, For: short})
		s.gone(t)
		s.c = redial(t, s.g, 7)
		s.c.await(t, "nextValidId", "1")
	},
	gatewaysim.FaultHalfOpen: func(t *testing.T, s *stage) {
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultHalfOpen, Client: 7})
		s.c.halfOpen = true
		s.c.ReqCurrentTime()
		other := connect(t, s.g, 9)
		other.ReqCurrentTime()
		other.await(t, "currentTime")
		require.True(t, s.c.IsConnected())
		require.Equal(t, 1, s.c.count("currentTime"))
	},
	gatewaysim.FaultStall: func(t *testing.T, s *stage) {
		r := dialRaw(t, s.g)
		r.send("API\x00" + frame("v100..178") + frame(fields("71", "2", "9", "")))
		r.next()
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultStall, Session: 2})
		r.send(frame(fields("49", "1")))
		require.NoError(t, r.SetWriteDeadline(time.Now().Add(100*time.Millisecond)))
		_, err := r.Write(make([]byte, 32<<20))
		require.ErrorContains(t, err, "timeout")
		require.Equal(t, "326", refusedStart(t, s.g, "9"))
		s.g.Disconnect(9)
		connect(t, s.g, 9)
	},
	gatewaysim.FaultSilentRequest: func(t *testing.T, s *stage) {
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultSilentRequest, Message: "reqPositions"})
		s.c.ReqPositions()
		s.sync(t)
		require.Zero(t, s.c.count("positionEnd"))
	},
	gatewaysim.FaultCut: func(t *testing.T, s *stage) {
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultCut})
		s.gone(t)
		s.again(t)
	},
	gatewaysim.FaultCutOnRequest: func(t *testing.T, s *stage) {
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultCutOnRequest, Message: "reqPositions"})
		s.c.ReqPositions()
		s.gone(t)
	},
	gatewaysim.FaultCompetingSession: func(t *testing.T, s *stage) {
		id := s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultCompetingSession})
		s.c.ReqMktData(1, stock("AAPL"), "", true, false, nil)
		s.c.await(t, "error", "1 10197")
		require.NoError(t, s.g.Lift(id))
		s.c.ReqMktData(2, stock("AAPL"), "", true, false, nil)
		s.c.await(t, "tickSnapshotEnd", "2")
	},
	gatewaysim.FaultReadOnly: func(t *testing.T, s *stage) {
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultReadOnly})
		s.buy(1)
		s.c.await(t, "error", "1 321")
	},
	gatewaysim.FaultPacingViolation: func(t *testing.T, s *stage) {
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultPacingViolation, Times: 3})
		for range 3 {
			s.c.ReqCurrentTime()
			s.c.await(t, "error", "-1 100")
		}
		s.gone(t)
	},
	gatewaysim.FaultWrongAccounts: func(t *testing.T, s *stage) {
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultWrongAccounts, Text: "U777"})
		c := connect(t, s.g, 9)
		c.await(t, "managedAccounts", "U777")
	},
	gatewaysim.FaultMessage: func(t *testing.T, s *stage) {
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultMessage, Code: 2157, Text: "Sec-def data farm connection is broken:secdefil"})
		s.c.await(t, "error", "-1 2157")
	},
	gatewaysim.FaultRequestError: func(t *testing.T, s *stage) {
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultRequestError, Message: "reqContractDetails", Code: 2107, Text: "inactive"})
		s.c.ReqContractDetails(5, stock("AAPL"))
		s.c.await(t, "error", "5 2107")
	},
}

func storyOf(name string) func(t *testing.T, s *stage) {
	for _, all := range []map[string]func(*testing.T, *stage){stories, dataStories, orderStories} {
		if story := all[name]; story != nil {
			return story
		}
	}
	return nil
}

func TestEveryFault(t *testing.T) {
	for _, kind := range gatewaysim.FaultKinds() {
		require.NotEmpty(t, kind.Row, kind.Name)
		require.NotEmpty(t, kind.When, kind.Name)
		require.NotEmpty(t, kind.Text, kind.Name)
		story := storyOf(kind.Name)
		for _, version := range []int{176, 225} {
			t.Run(fmt.Sprint(kind.Name, "/", version), func(t *testing.T) {
				require.NotNil(t, story, "no story tells of this fault")
				s := &stage{g: start(t, config(version))}
				s.c = connect(t, s.g, 7)
				story(t, s)
				require.Positive(t, s.g.Fired(kind.Name))
				require.NotEmpty(t, s.g.Ledger(gatewaysim.KindFault))
			})
		}
	}
}

func TestInjectRefuses(t *testing.T) {
	g := start(t, config(225))
	for _, f := range []gatewaysim.Fault{{}, {Name: "nonsense"}, {Name: gatewaysim.FaultCut, Nth: -1}, {Name: gatewaysim.FaultCut, Times: -2}, {Name: gatewaysim.FaultCut}} {
		_, err := g.Inject(f)
		require.Error(t, err)
	}
	require.Error(t, g.Lift(99))
}

func TestFaultsStrikeWhereAndWhenTheyShould(t *testing.T) {
	s := &stage{g: start(t, config(225))}
	s.c = connect(t, s.g, 7)
	s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultRejectOrder, Symbol: "AAPL", Account: "DU1", Nth: 2, Times: 2, Code: 460})
	s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultRejectOrder, Ref: "other"})
	for id := range int64(5) {
		s.buy(id + 1)
	}
	s.c.await(t, "orderStatus", "5 Filled")
	require.Equal(t, 2, s.c.count("error", "2 460")+s.c.count("error", "3 460"))
	faults := s.g.Faults()
	require.Equal(t, 3, faults[0].Seen)
	require.Equal(t, 2, faults[0].Fired)
	require.True(t, faults[0].Done)
	require.Zero(t, faults[1].Seen)
}
