package notify

import "time"

// SetFirst changes the wait before the second try; call it before Run.
func SetFirst(p *Post, d time.Duration) { p.first = d }
