package sim

import "runtime"

// goid tells goroutines apart: the engine's workers share everything else. It
// reads "goroutine 42 [".
func goid() uint64 {
	var text [32]byte
	n := runtime.Stack(text[:], false)
	var id uint64
	for _, c := range text[len("goroutine "):n] {
		if c < '0' || c > '9' {
			break
		}
		id = id*10 + uint64(c-'0')
	}
	return id
}
