package web

// Routes names the routes of the API.
func Routes(s *Server) []string {
	var all []string
	for _, r := range s.routes() {
		all = append(all, r.method+" "+r.path)
	}
	return all
}
