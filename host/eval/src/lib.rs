//! Accuracy against ground truth: pose AUC, RRA/RTA, centre error, IMC mAA.
