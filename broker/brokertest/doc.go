// Package brokertest is the conformance suite of brokers: what package broker
// promises of every [broker.Broker], as tests.
//
//	func TestConformance(t *testing.T) {
//		brokertest.Run(t, func(t *testing.T) brokertest.Harness {
//			b := mybroker.New(…)
//			return brokertest.Harness{
//				Broker: b, Account: "DU123",
//				Instruments: [2]brokertest.Instrument{
//					{ID: "AAPL", Bid: bid, Ask: ask}, {ID: "MSFT", Bid: bid, Ask: ask},
//				},
//				Features: brokertest.Features{NoSilentLoss: true, …},
//			}
//		})
//	}
//
// The suite trades: give it a simulated or paper account with cash for some
// forty orders of [Harness.Quantity] and no open orders, in a market that is
// open. What an implementation or its harness cannot do is declared in
// [Features]; a control that is neither given nor declared missing is an error,
// so that no gap is silent.
//
// Run it with -race: some tests call from many goroutines.
package brokertest
