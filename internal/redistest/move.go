package redistest

import "context"

// Owner returns the node that has the slot of a key.
func (c *Cluster) Owner(key string) *Server {
	c.t.Helper()
	client := c.Client()
	defer client.Close()
	owner, err := client.MasterForKey(context.Background(), key)
	if err != nil {
		c.t.Fatalf("redistest: owner of %s: %v", key, err)
	}
	for _, s := range c.Nodes {
		if s.Addr == owner.Options().Addr {
			return s
		}
	}
	c.t.Fatalf("redistest: owner of %s: %s is no node of the cluster", key, owner.Options().Addr)
	return nil
}

// Move is a slot on its way from one node of a cluster to another.
type Move struct {
	cluster  *Cluster
	from, to *Server
	slot     any
}

// BeginMove begins to move the slot of a key to another node. Its keys are still
// where they were.
func (c *Cluster) BeginMove(key string) *Move {
	c.t.Helper()
	m := &Move{cluster: c, from: c.Owner(key)}
	for _, s := range c.Nodes {
		if s != m.from {
			m.to = s
		}
	}
	m.slot = m.from.Do("cluster", "keyslot", key)
	m.to.Do("cluster", "setslot", m.slot, "importing", m.from.Do("cluster", "myid"))
	m.from.Do("cluster", "setslot", m.slot, "migrating", m.to.Do("cluster", "myid"))
	return m
}

// Take moves one key.
func (m *Move) Take(key string) {
	m.cluster.t.Helper()
	m.from.Do("migrate", "127.0.0.1", m.to.port.number, key, 0, 5000)
}

// End moves the keys that are left, and tells all nodes where the slot is.
func (m *Move) End() {
	m.cluster.t.Helper()
	for _, key := range m.from.Do("cluster", "getkeysinslot", m.slot, 1000).([]any) {
		m.Take(key.(string))
	}
	for _, s := range m.cluster.Nodes {
		s.Do("cluster", "setslot", m.slot, "node", m.to.Do("cluster", "myid"))
	}
}
