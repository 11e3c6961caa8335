package marketdata

// Valid reports whether t is one of the tiers above.
func (t Tier) Valid() bool { return t.rank() > 0 }

// Better reports whether t is a better tier than u. A tier that is not valid is
// better than none, and every valid one is better than it.
func (t Tier) Better(u Tier) bool { return t.rank() > u.rank() }

// rank orders the tiers, the best highest; 0 is no tier.
func (t Tier) rank() int {
	switch t {
	case TierLive:
		return 5
	case TierFrozen:
		return 4
	case TierDelayed:
		return 3
	case TierDelayedFrozen:
		return 2
	case TierHistorical:
		return 1
	}
	return 0
}
