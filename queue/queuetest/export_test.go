package queuetest

// Names lists the cases.
func Names() []string {
	var names []string
	for _, c := range cases {
		names = append(names, c.name)
	}
	return names
}

// Check runs the case of this name.
func Check(name string, t T, h Harness) {
	for _, c := range cases {
		if c.name == name {
			c.check(t, h)
			return
		}
	}
	t.Errorf("no case %q", name)
}
