package main

func Example() {
	main()
	// Output:
	// BUY 249 BND at 80 filled
	// BUY 149 VTI at 200 filled
	// completed
}
