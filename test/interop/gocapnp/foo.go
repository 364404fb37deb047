package main

import (
	"context"
	"errors"

	"capnproto.org/go/capnp/v3"
)

// The ids of the interfaces in foo.capnp and proxy.capnp.
const (
	fooInterface     = 0x90de09db457f4d3b
	fooCallback      = 0xb5a2f89c910238fc
	extendedCallback = 0xfdf7a3bf8cf37ff5
	fooFn            = 0xb9ab462afcf29e05
	threadMapID      = 0xee5e37179ad9dc9d
	threadID         = 0x81c1e2600d0b56c5
)

// FooInterface's methods.
const (
	add = iota
	mapSize
	pass
	raise
	initThreadMap
	callback
	callbackUnique
	callbackShared
	saveCallback
	callbackSaved
	callbackExtended
	passCustom
	passEmpty
	passMessage
	passMutable
	passEnum
	passFn
	callFn
	callFnAsync
	addOut
	addInOut
	callIntFnAsync
	passDataPointers
	passDouble
	passData
)

// The methods of what goes along.
const (
	destroy      = 0 // FooCallback, FooFn
	callMethod   = 1 // FooCallback, FooFn
	callExtended = 0 // ExtendedCallback

	makeThread = 0
	makePool   = 1

	getName = 0
)

// size is the size of a struct in words and pointers.
func size(words, pointers int) capnp.ObjectSize {
	return capnp.ObjectSize{DataSize: capnp.Size(8 * words), PointerCount: uint16(pointers)}
}

func method(interfaceID uint64, methodID uint16) capnp.Method {
	return capnp.Method{InterfaceID: interfaceID, MethodID: methodID}
}

// setClient puts a capability into a pointer field; the message takes over the reference.
func setClient(s capnp.Struct, field uint16, c capnp.Client) error {
	return s.SetPtr(field, capnp.NewInterface(s.Segment(), s.Message().CapTable().Add(c)).ToPtr())
}

// client returns the capability in a pointer field, borrowed from the message.
func client(s capnp.Struct, field uint16) (capnp.Client, error) {
	p, err := s.Ptr(field)
	return p.Interface().Client(), err
}

// setContext puts a Context into the first pointer field. It borrows the clients.
func setContext(s capnp.Struct, thread, callbackThread capnp.Client) error {
	c, err := capnp.NewStruct(s.Segment(), size(0, 2))
	if err != nil {
		return err
	}
	for field, client := range []capnp.Client{thread, callbackThread} {
		if client.IsValid() {
			if err := setClient(c, uint16(field), client.AddRef()); err != nil {
				return err
			}
		}
	}
	return s.SetPtr(0, c.ToPtr())
}

// invoke makes a call and hands its results, valid until then, to read.
func invoke(ctx context.Context, target capnp.Client, m capnp.Method, params capnp.ObjectSize,
	place func(capnp.Struct) error, read func(capnp.Struct) error) error {
	if !target.IsValid() {
		return errors.New("called null capability")
	}
	answer, release := target.SendCall(ctx, capnp.Send{Method: m, ArgsSize: params, PlaceArgs: place})
	defer release()
	results, err := answer.Struct()
	if err != nil || read == nil {
		return err
	}
	return read(results)
}
