package httpsource_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/evenkeel/evenkeel/allocation"
	"github.com/evenkeel/evenkeel/allocation/httpsource"
	"github.com/evenkeel/evenkeel/retry"
)

func Example() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `{"status":"success","data":{"allocations":[
			{"symbol":"AAPL","allocation":0.6},{"symbol":"MSFT","allocation":0.4}]}}`)
	}))
	defer server.Close()

	source, err := httpsource.New(httpsource.Config{BaseURL: server.URL, APIKey: "your-key"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer source.Close()
	policy := retry.Compose(
		retry.AllocationBackoff(),
		retry.NewBreaker("allocations", retry.BreakerOptions{}),
		retry.Timeout(30*time.Second),
	)
	a, err := retry.Value(context.Background(), policy, func(ctx context.Context) (allocation.Allocation, error) {
		return source.Allocation(ctx, allocation.Query{Account: "U1234567", Strategy: "core"})
	})
	fmt.Println(a.Strategy, a.Targets, err)
	// Output: core [{AAPL 0.6} {MSFT 0.4}] <nil>
}
