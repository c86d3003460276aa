"""From the state of engine or ledger to rows and views. Reads everything, changes nothing."""
