// Package marketdatatest is the conformance suite of price sources: what
// package marketdata promises of every [marketdata.PriceSource], as tests.
//
//	func TestConformance(t *testing.T) {
//		marketdatatest.Run(t, func(t *testing.T) marketdatatest.Harness {
//			return marketdatatest.Harness{
//				Source:  mysource.New(…),
//				Found:   []broker.InstrumentID{"AAPL", "MSFT"},
//				Missing: []broker.InstrumentID{"NOSUCH"},
//			}
//		})
//	}
//
// Run it with -race: one test asks from many goroutines.
package marketdatatest
