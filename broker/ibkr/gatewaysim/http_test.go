package gatewaysim_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker/ibkr/gatewaysim"
)

func TestControlPort(t *testing.T) {
	cfg := config(225)
	cfg.Control = "127.0.0.1:0"
	cfg.Fill.Mode = gatewaysim.FillByHand
	g := start(t, cfg)
	web := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	call := func(method, path, body string, status int, into any) {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), method, "http://"+g.ControlAddr()+path, strings.NewReader(body))
		require.NoError(t, err)
		answer, err := web.Do(request)
		require.NoError(t, err)
		defer answer.Body.Close()
		data, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		require.Equal(t, status, answer.StatusCode, "%s", data)
		if into != nil {
			require.NoError(t, json.Unmarshal(data, into))
		}
	}
	var kinds []gatewaysim.FaultKind
	call("GET", "/catalogue", "", 200, &kinds)
	require.Len(t, kinds, len(gatewaysim.FaultKinds()))

	call("POST", "/faults", `{"name": "reject_order", "code": 460, "ref": "no", "for": "5ms"}`, 200, nil)
	var faults []gatewaysim.FaultState
	call("GET", "/faults", "", 200, &faults)
	require.Equal(t, "I7", faults[0].Row)
	require.Equal(t, 460, faults[0].Fault.Code)
	call("DELETE", "/faults/1", "", 200, nil)
	call("DELETE", "/faults/x", "", 400, nil)
	for _, bad := range []string{`{"name": "nonsense"}`, `{"nme": "cut"}`, `{"name": "cut", "for": "-5s"}`, `[`, `{"name": "cut", "for": 5}`} {
		call("POST", "/faults", bad, 400, nil)
	}

	c := connect(t, g, 7)
	c.PlaceOrder(1, stock("AAPL"), newOrder("BUY", "10", "MKT", "", "DU1", "web"))
	c.await(t, "orderStatus", "1 Submitted")
	var orders []gatewaysim.OrderRecord
	call("GET", "/orders", "", 200, &orders)
	fill, err := json.Marshal(map[string]any{"perm_id": orders[0].PermID, "quantity": "4", "price": "101"})
	require.NoError(t, err)
	call("POST", "/fills", string(fill), 200, nil)
	c.await(t, "execDetails", "-1 AAPL BOT 4 at=101")
	var fills []gatewaysim.FillRecord
	call("GET", "/fills", "", 200, &fills)
	call("POST", "/corrections", `{"exec_id": "`+fills[0].ExecID+`", "price": "102"}`, 200, nil)
	c.await(t, "execDetails", "-1 AAPL BOT 4 at=102")
	cancel, err := json.Marshal(map[string]any{"perm_id": orders[0].PermID, "reason": "halted"})
	require.NoError(t, err)
	call("POST", "/cancels", string(cancel), 200, nil)
	c.await(t, "orderStatus", "1 Cancelled filled=4")
	call("POST", "/orders", `{"Account": "DU2", "Symbol": "AAPL", "Action": "BUY", "Quantity": "1", "Limit": "90"}`, 200, nil)
	call("POST", "/quotes", `{"symbol": "AAPL", "bid": "89", "ask": "89.5"}`, 200, nil)
	call("POST", "/quotes", `{"symbol": "NONE", "bid": "89"}`, 400, nil)
	call("POST", "/fills", `{"perm_id": 1}`, 400, nil)
	var clients []int
	call("GET", "/clients", "", 200, &clients)
	require.Equal(t, []int{7}, clients)
	var ledger []gatewaysim.Entry
	call("GET", "/ledger?kind=order&kind=fill", "", 200, &ledger)
	require.Len(t, ledger, 3)
	call("GET", "/ledger?since=1000000", "", 200, &ledger)
	require.Empty(t, ledger)
	var accounts []gatewaysim.AccountState
	call("GET", "/accounts", "", 200, &accounts)
	require.Len(t, accounts, 2)
}
