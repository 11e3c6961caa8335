package redisconn

// FsyncFault returns what speaks against a server where calls wait for its disk,
// or nil. What the server does not tell is "".
func FsyncFault(version, appendOnly string) error {
	f := fsync(map[string]string{"redis_version": version, "aof_enabled": appendOnly}, &Barrier{Fsync: true})
	if f == nil {
		return nil
	}
	return f
}

// Waiting is how many calls wait to be sent.
func (c *Conn) Waiting() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.line)
}
