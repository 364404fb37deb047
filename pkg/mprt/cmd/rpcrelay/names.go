package main

import (
	"math"
	"os"

	"capnproto.org/go/capnp/v3"
	"capnproto.org/go/capnp/v3/std/capnp/schema"
)

// readNames reads a CodeGeneratorRequest and returns what [rpctext.Options] want for Method.
func readNames(file string) (func(interfaceID uint64, methodID uint16) string, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	msg, err := capnp.Unmarshal(data)
	if err != nil {
		return nil, err
	}
	msg.TraverseLimit = math.MaxUint64
	request, err := schema.ReadRootCodeGeneratorRequest(msg)
	if err != nil {
		return nil, err
	}
	nodes, err := request.Nodes()
	if err != nil {
		return nil, err
	}
	type key struct {
		interfaceID uint64
		methodID    uint16
	}
	names := map[key]string{}
	for i := range nodes.Len() {
		node := nodes.At(i)
		if node.Which() != schema.Node_Which_interface {
			continue
		}
		name, err := node.DisplayName()
		if err != nil {
			return nil, err
		}
		name = name[min(int(node.DisplayNamePrefixLength()), len(name)):]
		methods, err := node.Interface().Methods()
		if err != nil {
			return nil, err
		}
		for m := range methods.Len() {
			method, err := methods.At(m).Name()
			if err != nil {
				return nil, err
			}
			names[key{node.Id(), uint16(m)}] = name + "." + method
		}
	}
	return func(interfaceID uint64, methodID uint16) string { return names[key{interfaceID, methodID}] }, nil
}
