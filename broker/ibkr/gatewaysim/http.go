package gatewaysim

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/internal/strictjson"
)

// maxBody is the longest body that the control port reads.
const maxBody = 1 << 20

// controlHandler serves the control port. It has no protection: keep it on the
// loopback address.
func (g *Gateway) controlHandler() http.Handler {
	mux := http.NewServeMux()
	read := func(path string, f func(*http.Request) any) {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) { answer(w, f(r), nil) })
	}
	read("/catalogue", func(*http.Request) any { return FaultKinds() })
	read("/faults", func(*http.Request) any { return g.Faults() })
	read("/orders", func(*http.Request) any { return g.ex.Orders() })
	read("/fills", func(*http.Request) any { return g.ex.Fills() })
	read("/accounts", func(*http.Request) any { return g.ex.Accounts() })
	read("/clients", func(*http.Request) any { return g.Clients() })
	read("/ledger", func(r *http.Request) any {
		since, _ := strconv.Atoi(r.URL.Query().Get("since")) // all, if it is no number
		return g.ledgerSince(since, r.URL.Query()["kind"])
	})
	mux.HandleFunc("DELETE /faults/{id}", func(w http.ResponseWriter, r *http.Request) {
		id, err := strconv.Atoi(r.PathValue("id"))
		if err == nil {
			err = g.Lift(id)
		}
		answer(w, nil, err)
	})
	mux.HandleFunc("POST /faults", post(func(f *Fault) (any, error) {
		id, err := g.Inject(*f)
		return map[string]int{"id": id}, err
	}))
	mux.HandleFunc("POST /quotes", post(func(q *quoteBody) (any, error) { return nil, g.ex.SetQuote(q.Symbol, q.Quote) }))
	mux.HandleFunc("POST /fills", post(func(f *fillBody) (any, error) { return nil, g.ex.Fill(f.PermID, f.Quantity, f.Price) }))
	mux.HandleFunc("POST /corrections", post(func(f *fillBody) (any, error) { return nil, g.ex.Correct(f.ExecID, f.Quantity, f.Price) }))
	mux.HandleFunc("POST /cancels", post(func(f *fillBody) (any, error) { return nil, g.ex.Cancel(f.PermID, f.Reason) }))
	mux.HandleFunc("POST /orders", post(func(o *ForeignOrder) (any, error) {
		id, err := g.ex.PlaceForeign(*o)
		return map[string]int64{"perm_id": id}, err
	}))
	return mux
}

type quoteBody struct {
	Symbol string `json:"symbol"`
	Quote
}

type fillBody struct {
	PermID   int64           `json:"perm_id"`
	ExecID   string          `json:"exec_id"`
	Quantity decimal.Decimal `json:"quantity"`
	Price    decimal.Decimal `json:"price"`
	Reason   string          `json:"reason"`
}

// post reads a body and answers with what f returns.
func post[T any](f func(*T) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			answer(w, nil, err)
			return
		}
		body := new(T)
		if err := strictjson.Decode(data, maxBody, body); err != nil {
			answer(w, nil, errors.New("gatewaysim: control: "+err.Error()))
			return
		}
		v, err := f(body)
		answer(w, v, err)
	}
}

// answer writes a value, or an error with status 400.
func answer(w http.ResponseWriter, v any, err error) {
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		v = map[string]string{"error": err.Error()}
	}
	if v == nil {
		v = struct{}{}
	}
	_ = json.NewEncoder(w).Encode(v) // the client is gone if this fails
}
