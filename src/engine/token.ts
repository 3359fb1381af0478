/** A token's number in the model's vocabulary. */
export type Token = number;
