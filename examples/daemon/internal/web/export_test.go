package web

import "time"

// Readers counts the streams of a hub.
func Readers(h *Hub) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.readers)
}

// SetSlowest sets how long a write of a hub without streams may take.
func SetSlowest(h *Hub, d time.Duration) { h.slowest = d }

// Routes names the routes of the API.
func Routes(s *Server) []string {
	var all []string
	for _, r := range s.routes() {
		all = append(all, r.method+" "+r.path)
	}
	return all
}
