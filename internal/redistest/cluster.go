package redistest

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

// Cluster is a cluster of three masters without replicas.
type Cluster struct {
	Nodes []*Server
	t     testing.TB
}

// slots is the number of hash slots of a cluster.
const slots = 16384

// NewCluster starts a cluster for the test and waits until every node serves.
func NewCluster(tb testing.TB, opts Options) *Cluster {
	tb.Helper()
	c := &Cluster{t: tb}
	for n := range 3 {
		s := startServer(tb, opts, []string{"--cluster-enabled", "yes", "--cluster-node-timeout", "2000"})
		first, last := n*slots/3, (n+1)*slots/3-1
		s.Do("cluster", "set-config-epoch", strconv.Itoa(n+1))
		client := s.Client()
		if err := client.ClusterAddSlotsRange(context.Background(), first, last).Err(); err != nil {
			tb.Fatalf("redistest: give slots %d to %d to %s: %v", first, last, s.Addr, err)
		}
		client.Close()
		c.Nodes = append(c.Nodes, s)
	}
	for _, s := range c.Nodes[1:] {
		s.Do("cluster", "meet", "127.0.0.1", strconv.Itoa(c.Nodes[0].port.number))
	}
	c.Await()
	return c
}

// Addrs returns the addresses of the nodes.
func (c *Cluster) Addrs() []string {
	addrs := make([]string, len(c.Nodes))
	for i, s := range c.Nodes {
		addrs[i] = s.Addr
	}
	return addrs
}

// Client returns a new client of the cluster that repeats nothing but what a
// node redirects. The caller closes it.
func (c *Cluster) Client() *redis.ClusterClient {
	return redis.NewClusterClient(&redis.ClusterOptions{Addrs: c.Addrs(), ContextTimeoutEnabled: true})
}

// Await waits until every node knows all others and serves all slots.
func (c *Cluster) Await() {
	c.t.Helper()
	eventually(c.t, "cluster", func() error {
		for _, s := range c.Nodes {
			info, err := s.try("cluster", "info")
			if err != nil {
				return err
			}
			for _, want := range []string{"cluster_state:ok", "cluster_slots_ok:16384", "cluster_known_nodes:3"} {
				if !strings.Contains(fmt.Sprint(info), want) {
					return fmt.Errorf("%s has not %s: %v", s.Addr, want, info)
				}
			}
		}
		return nil
	})
}
