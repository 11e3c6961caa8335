package gatewaysim_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker/ibkr/gatewaysim"
)

func TestTheLedgerKeepsTheNewestEntries(t *testing.T) {
	for _, size := range []int{1, 2, 7, 50} {
		cfg := config(225)
		cfg.LedgerSize = size
		g := start(t, cfg)
		connect(t, g, 7)
		for n := range 120 {
			require.NoError(t, g.Exchange().Deposit("DU1", "USD", dec("1")))
			_, err := g.Inject(gatewaysim.Fault{Name: gatewaysim.FaultMessage, Count: n})
			require.NoError(t, err)
			kept := g.Ledger()
			require.LessOrEqual(t, len(kept), size)
			for i, e := range kept {
				require.Equal(t, kept[0].Seq+i, e.Seq)
			}
		}
		kept := g.Ledger()
		require.Len(t, kept, size)
		require.Greater(t, kept[0].Seq, 120, "numbers go on")
	}
}

func TestTheLedgerCanBeWithoutLimit(t *testing.T) {
	cfg := config(225)
	cfg.LedgerSize = -1
	g := start(t, cfg)
	for range 300 {
		_, err := g.Inject(gatewaysim.Fault{Name: gatewaysim.FaultMessage})
		require.NoError(t, err)
	}
	kept := g.Ledger(gatewaysim.KindFault)
	require.Len(t, kept, 300)
	require.Equal(t, 1, kept[0].Seq)
}

func TestTheControlPortGoesOnWhereAReaderStopped(t *testing.T) {
	cfg := config(225)
	cfg.LedgerSize, cfg.Control = 5, "127.0.0.1:0"
	g := start(t, cfg)
	for range 20 {
		_, err := g.Inject(gatewaysim.Fault{Name: gatewaysim.FaultMessage})
		require.NoError(t, err)
	}
	web := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	since := func(seq int) []int {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, fmt.Sprintf("http://%s/ledger?since=%d", g.ControlAddr(), seq), nil)
		require.NoError(t, err)
		answer, err := web.Do(request)
		require.NoError(t, err)
		defer answer.Body.Close()
		var entries []gatewaysim.Entry
		require.NoError(t, json.NewDecoder(answer.Body).Decode(&entries))
		seqs := []int{}
		for _, e := range entries {
			seqs = append(seqs, e.Seq)
		}
		return seqs
	}
	require.Equal(t, []int{16, 17, 18, 19, 20}, since(0))
	require.Equal(t, []int{16, 17, 18, 19, 20}, since(15))
	require.Equal(t, []int{18, 19, 20}, since(17))
	require.Empty(t, since(20))
}
